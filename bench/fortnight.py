"""Nights whose lists are answered: do call lists keep their promises, and do they change what was planted?

`python -m bench.fortnight [--customers N] [--seed S] [--nights 14]` loads a history of the sample world and runs whole
nights on it. Between two of them the world answers the lists (sample/answers.py): most contacts are worked, some
results come late, one night none come, and customers act because of contacts by chances that are known. Then DuckDB
looks for broken promises (bench/promises.py) and for the planted effects (bench/planted.py). Exit code 1: something is
not as promised.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

import sample
from bench.planted import arms_alike, effects
from bench.promises import Finding, Lake, kept
from bench.worlds import environment
from jobs import ranges
from jobs.session import ensure_server, stop_server
from jobs.settings import read_settings
from sample import answers
from sample.answers import Change
from sample.feeds import DROPS
from sample.files import write as write_file
from sample.world import World

FIRST, FIRST_NIGHT = date(2026, 2, 9), date(2026, 3, 24)
"""A history of 43 days; the nights cross a season, a change of clocks and a holiday."""
OUTAGE = 5
"""The night, from 0, for which no results come; the next one has them."""
HOLDOUT_SHARE = 0.4
EVERYBODY = "star_level >= 1"


def _watched(channel: str, number: int, **own: Any) -> dict[str, Any]:
    """A campaign for everybody, each with another order of who is worth most to it."""
    return {
        "channel": channel, "audience": EVERYBODY, "outcome_days": 3, "value": 200, "effect": 0.1, "effect_sd": 0.05,
        "cost": 0.1, "score": f"(1 + pmod(xxhash64(customer_id, {number}), 100)) / 200", "quota": 90, **own,
    }  # fmt: skip


def _new(goal: str, outcome: dict[str, Any]) -> dict[str, Any]:
    return {
        "goal": goal, "kind": "service", "outcome": outcome, "why": "{star_level} stars", "owner": "bench",
        "scripts": [{"id": "s", "hint": "Say it."}],
    }  # fmt: skip


PLANTED = {
    "instalment_offer": Change("transactions", 0.7),
    "card_tips": Change("transactions", 0.0),
    "app_news": Change("calls", 0.6),
}
"""What contacts of the campaigns with wide audiences change: they make customers buy, nothing, and ring up."""
ONLINE = "kind = 'purchase' AND channel = 'online' AND coalesce(status, 'posted') = 'posted'"
WATCHED = {
    "instalment_offer": _watched("call", 1),
    "card_tips": _watched(
        "sms", 2,
        **_new("Tell how cards pay online", {"table": "silver.transactions", "where": ONLINE, "says": "bought online"}),
    ),
    "app_news": _watched(
        "push", 3,
        **_new("Tell what is new", {"table": "silver.calls", "where": "direction = 'inbound'", "negate": True}),
    ),
}  # fmt: skip
SHORT = {"callback_promised": 2, "complaint_care": 4, "repayment_reminder": 4}
USUAL_DAYS = 3


def main() -> int:
    """Runs and prints; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.fortnight", description=__doc__)
    parser.add_argument("--customers", type=int, default=2000, help="customers of the sample world")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another world")
    parser.add_argument("--nights", type=int, default=14, help="nights whose lists are answered")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as name:
        folder = Path(name)
        with configured(folder):
            fortnight = Fortnight(folder, World(parsed.seed, parsed.customers), parsed.nights)
            fortnight.load()
            for number in range(parsed.nights):
                fortnight.run(number)
            return told(fortnight)


def told(fortnight: "Fortnight") -> int:
    """Prints what the nights came to; 0 when every promise was kept."""
    findings = fortnight.findings()
    outreach = read_settings().configuration.outreach
    found = effects(fortnight.lake(), fortnight.world, fortnight.contacts(), PLANTED, outreach)
    findings += found.findings
    print(f"\n{'promise':82} {'looked at':>10} {'broken':>7}")
    for finding in findings:
        print(f"{finding.promise:82} {finding.looked_at:10,} {finding.broken:7,}")
        for example in finding.examples:
            print(f"    {example}")
    print("\n" + "\n".join(found.lines), flush=True)
    return int(any(finding.broken for finding in findings))


@contextmanager
def configured(folder: Path) -> Iterator[None]:
    """The environment of a deployment of its own below a folder, with one Spark server for all of its nights."""
    os.environ.update(environment(folder))
    # A night stops the server of its lake; this one belongs to another.
    os.environ["ECHOLAKE_LAKE"] = str(folder / "server")
    os.environ.pop("ECHOLAKE_CONF", None)
    settings = read_settings()
    remote = ensure_server(settings)
    try:
        os.environ["ECHOLAKE_LAKE"] = str(folder / "lake")
        conf = {
            "spark": {"remote": remote}, "outreach": _outreach(), "delivery": {"inbox_settle_seconds": 0},
        }  # fmt: skip
        (folder / "fortnight.yaml").write_text(yaml.safe_dump(conf))
        os.environ["ECHOLAKE_CONF"] = str(folder / "fortnight.yaml")
        yield
    finally:
        stop_server(settings)


def _outreach() -> dict[str, Any]:
    ours = {each.name: {"outcome_days": SHORT.get(each.name, USUAL_DAYS)} for each in _campaigns()}
    return {
        "holdout_share": HOLDOUT_SHARE,
        "capacity": {"share_of_shifts": 1.0, "minutes_a_call": 2},
        "campaigns": {**ours, **WATCHED},
    }


def _campaigns() -> list[Any]:
    return list(read_settings().configuration.outreach.campaigns)


class Fortnight:
    """The sample world and the nights over it, below one folder."""

    def __init__(self, folder: Path, world: World, nights: int) -> None:
        self.folder, self.world = folder, world
        self.landing, self.delivery, self.to_come = folder / "landing", folder / "delivery", folder / "world"
        # What is held back must still come in one of the nights.
        self.outage = FIRST_NIGHT + timedelta(days=OUTAGE) if nights > OUTAGE + 1 else None
        self.last = FIRST_NIGHT + timedelta(days=nights - 1)
        self.frozen: dict[date, str] = {}
        """What each day's lists and their candidates were when they had been delivered."""

    def load(self) -> None:
        """Writes the world, and loads the days before the first night."""
        began, before = time.monotonic(), FIRST_NIGHT - timedelta(days=1)
        sample.write(self.to_come, FIRST, self.last, self.world.seed, len(self.world.customers))
        for days in range((FIRST_NIGHT - FIRST).days):
            self._land(FIRST + timedelta(days=days))
        print(f"world of {len(self.world.customers):,} customers: {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        ranges.load(FIRST, before, "fortnight__load", say=_quiet)
        print(f"history {FIRST} to {before}: {time.monotonic() - began:.0f} s", flush=True)
        self._told(before, 0, began)

    def run(self, number: int) -> None:
        """One night: what the world brings of the day, what came of the lists, and the night itself."""
        day, began = FIRST_NIGHT + timedelta(days=number), time.monotonic()
        self._land(day)
        self._write("calls", day, answers.dialled_calls(self.world, self.delivery, day), "dialled")
        for feed, rows in answers.changes(self.world, self.delivery, day, PLANTED).items():
            self._write(feed, day, rows, "changed")
        came = self._bring_results(day)
        ranges.backfill(day, day, f"fortnight__{day}", say=_quiet)
        self._told(day, came, began)

    def _land(self, day: date) -> None:
        for folder in self.to_come.glob(f"*/ds={day}"):
            target = self.landing / folder.relative_to(self.to_come)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder, target)

    def _bring_results(self, day: date) -> int:
        """How many results came; on the day of the outage none, on the next one those of both days."""
        held_back, before = self.folder / "held_back", day - timedelta(days=1)
        if day == self.outage:
            shutil.move(self.landing / f"contact_results/ds={day}", held_back)
            return 0
        if before == self.outage:
            shutil.move(held_back / "contact_results.csv", self.landing / f"contact_results/ds={day}/held_back.csv")
            return self._hand_in(before) + self._hand_in(day)
        return self._hand_in(day)

    def _hand_in(self, day: date) -> int:
        """Puts the lists with the results of a day into the inbox; returns how many results these are."""
        inbox = self.delivery / "inbox"
        inbox.mkdir(exist_ok=True)
        for back in sorted(answers.LATE_DAYS):
            list_on = day - timedelta(days=back)
            for file in answers.files(self.delivery, list_on):
                if content := answers.filled_in(self.world, file, list_on, day):
                    (inbox / f"{list_on} {file.stem}, told on {day}.csv").write_bytes(content)
        return len(answers.results(self.world, self.delivery, day))

    def _write(self, feed: str, day: date, rows: list[dict[str, Any]], name: str) -> None:
        if rows:
            write_file(self.landing / f"{feed}/ds={day}/{name}.{DROPS[feed].ending}", feed, rows)

    def _told(self, day: date, came: int, began: float) -> None:
        list_on = day + timedelta(days=1)
        self.frozen[list_on] = self._fingerprint(list_on)
        counts = dict(self.lake().rows(
            f"SELECT decision, count(*) FROM candidates WHERE list_on = DATE '{list_on}' GROUP BY ALL"
        ))  # fmt: skip
        print(
            f"night {day}: {came:4,} results came; for {list_on} {counts.get('listed', 0):,} listed, "
            f"{counts.get('holdout', 0):,} held out, {counts.get('suppressed', 0):,} spared; "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )

    def _fingerprint(self, list_on: date) -> str:
        digest = hashlib.sha256()
        for file in sorted((self.delivery / str(list_on)).iterdir()):
            digest.update(file.read_bytes())
        where = f"WHERE list_on = DATE '{list_on}' ORDER BY ALL"
        for table in ("candidates", "lists"):
            digest.update(repr(self.lake().rows(f"SELECT * FROM {table} {where}")).encode())
        return digest.hexdigest()

    def lake(self) -> Lake:
        """The lake as it stands, for DuckDB."""
        return Lake(self.folder / "lake")

    def contacts(self) -> list[answers.Contact]:
        """All contacts on delivered lists."""
        return [each for list_on in sorted(self.frozen) for each in answers.delivered(self.delivery, list_on)]

    def findings(self) -> list[Finding]:
        """What the promises came to."""
        lake = self.lake()
        lake.add_delivered(self.delivery, sorted(self.frozen))
        lake.add_people(
            (list_on, holder.customer_id, row["phone"])
            for list_on in self.frozen
            for holder in self.world.customers
            if (row := holder.on(list_on - timedelta(days=1)))
        )
        lake.add_answers(self._handed_in())
        changed = [str(list_on) for list_on, was in self.frozen.items() if self._fingerprint(list_on) != was]
        still = Finding("a list once delivered is frozen, its rows in the lake too", len(self.frozen), changed)
        return [*kept(lake, _campaigns(), EVERYBODY, list(WATCHED)), still, *arms_alike(lake, list(WATCHED))]

    def _handed_in(self) -> list[dict[str, Any]]:
        told = [answers.result(self.world, contact) for contact in self.contacts()]
        return [row for row in told if row and row["comes_on"] <= self.last]


def _quiet(_line: str) -> None:
    """A night tells by its lists."""


if __name__ == "__main__":
    sys.exit(main())
