"""The nights of a range of dates in one process: the first load of a history, and nights that are made again."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

from jobs import customers, effects, keyed, night, ops, runner, submission
from jobs.business_dates import dates_between
from jobs.errors import DataError
from jobs.gate import hold_gate
from jobs.loading import Load
from jobs.settings import Settings, read_settings
from jobs.tables import FEEDS, Kind, Table, nightly
from jobs.tables.reports import REPORTS

Outcomes = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
"""Makes a table for dates, which a second argument may tell in words."""
InStretches = Callable[[Table, Make], dict[str, Any]]


def load(first: date, last: date, run_id: str, say: Callable[[str], None] = print) -> str:
    """The first load of a history: every table once, for the whole range, and in stretches where that is long."""

    def history(settings: Settings) -> str:
        work = _Work(run_id, settings, say)
        days = dates_between(first, last)
        this = work.load(days)
        outcomes, failure = work.make(nightly(), days, this.make, if_refused=this.forget_unseen)
        text = work.end(days, outcomes, failure)
        this.end()
        return text

    return str(night.in_one_process(first, run_id, history))


def backfill(first: date, last: date, run_id: str, say: Callable[[str], None] = print) -> str:
    """The same lake as the nights of the range one by one, oldest first; stops at the first that fails.

    Where that comes to the same, what does not depend on the order of nights is made of the whole range first
    (decision 0035).

    Raises:
        DataError: the range ends before it begins, or what stopped a night.
    """
    if first > last:
        raise DataError(
            f"backfill {first} to {last}",
            expected="a first date that is not after the last one",
            found="a range without a date",
            todo="give the dates the other way round",
        )
    if submission.is_due(read_settings()):
        text: str = submission.step("backfill", read_settings(), first=str(first), last=str(last), run_id=run_id)
        return text

    def nights(settings: Settings) -> str:
        work = _Work(run_id, settings, say)
        days = dates_between(first, last)

        def rewind() -> None:
            lake = night.open_lake(settings, run_id)
            if customers.is_to_rewind(lake, first, last):
                # Before anything is taken back: a night is complete no longer than what it said stands.
                ops.reopen_nights(lake, days)
            customers.rewind(lake, first, last)
            effects.rewind(lake, first, last)

        at_once = work.make_at_once(days) if len(days) > 1 else []
        if at_once:
            rewind()
        made = {outcome["table"] for outcome in at_once}
        tables = [table for table in nightly() if table.name not in made]
        told = ""
        for number, day in enumerate(days, 1):
            say(f"night {day} ({number} of {len(days)})")
            is_to_pass = number == 1 and not at_once
            outcomes, failure = work.make(tables, [day], after_gate=rewind if is_to_pass else None)
            # Of a range that is made again only the last lists may be news to a destination.
            told = work.end([day], [*_share(at_once, day, day == last), *outcomes], failure, sends=day == last)
        return told

    return str(night.in_one_process(first, run_id, nights))


class _Work:
    """What one command makes: under which run, and to whom it says how far it is."""

    def __init__(self, run_id: str, settings: Settings, say: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._settings = settings
        self._say = say

    def load(self, days: Sequence[date], command: str = "load") -> Load:
        """A load of these dates, as far as it came before; `command` is what it is part of."""
        this = Load(night.open_lake(self._settings, self._run_id), days, self._settings, command)
        if this.done:
            self._say(f"goes on: {len(this.done)} stretches of this load are done")
        return this

    def make_at_once(self, days: Sequence[date]) -> Outcomes:
        """Makes what any order of nights leaves the same; nothing when a table fails, which the nights must find."""
        self._say(f"{days[0]} to {days[-1]}, what needs no order of nights ({len(days)} dates at once)")
        this = self.load(days, "backfill")
        outcomes, why_not = self._at_once(days, this.make)
        this.end()
        if why_not:
            self._say(f"night by night: {why_not}")
        return [] if why_not else outcomes

    def _at_once(self, days: Sequence[date], in_stretches: InStretches) -> tuple[Outcomes, str]:
        tables = [table for table in nightly() if not table.kind.is_stamped]
        landed, failure = self.make([each for each in tables if each.kind is Kind.LANDED], days, in_stretches)
        if failure is not None:
            return landed, failure.headline
        left = self._left_to_the_nights(days)
        try:
            hold_gate(days, landed, self._run_id, self._settings)
        except DataError as error:
            return landed, error.headline
        made, failure = self.make(
            [each for each in tables if each.kind is not Kind.LANDED and each.name not in left], days, in_stretches
        )
        return [*landed, *made], failure.headline if failure else ""

    def _left_to_the_nights(self, days: Sequence[date]) -> set[str]:
        """Silver whose events a later batch corrects, and what is made of it: earlier nights have not seen that."""
        lake = night.open_lake(self._settings, self._run_id)
        # Of all others stamped tables read how they were known on a date.
        events = [feed for feed in FEEDS if not feed.is_entity and not feed.keeps_versions]
        corrected = [feed.name for feed in events if keyed.is_corrected(lake, feed, days, self._settings)]
        if corrected:
            self._say(f"later batches correct {', '.join(corrected)}: what is made of them comes night by night")
        left = {f"silver.{name}" for name in corrected}
        for table in nightly():
            if not table.kind.is_stamped and left.intersection(table.made_from):
                left.add(table.name)
        return left

    def make(
        self,
        tables: Sequence[Table],
        days: Sequence[date],
        in_stretches: InStretches | None = None,
        after_gate: Callable[[], None] | None = None,
        if_refused: Callable[[], None] | None = None,
    ) -> tuple[Outcomes, DataError | None]:
        """Makes tables of dates up to the first that fails; after what lands comes the gate, which may refuse it."""
        outcomes: Outcomes = []
        for number, table in enumerate(tables, 1):
            make = partial(self._made, table.name, f"{number}/{len(tables)}")
            try:
                if table.kind is not Kind.LANDED and tables[number - 2].kind is Kind.LANDED:
                    self._hold_gate(days, outcomes, if_refused)
                    if after_gate:
                        after_gate()
                outcomes.append(in_stretches(table, make) if in_stretches else make(days))
            except DataError as error:
                return outcomes, error
        return outcomes, None

    def _hold_gate(self, days: Sequence[date], outcomes: Outcomes, if_refused: Callable[[], None] | None) -> None:
        try:
            hold_gate(days, outcomes, self._run_id, self._settings)
        except DataError:
            if if_refused:
                if_refused()
            raise

    def end(self, days: Sequence[date], outcomes: Outcomes, failure: DataError | None, sends: bool = True) -> str:
        """Hands over what was made, writes the night down, and says its summary.

        Raises:
            DataError: `failure`, or what kept the lists from being handed over or a page from being written.
        """
        if failure is None:
            try:
                delivered, _ = night.delivered(days[-1], self._run_id, self._settings, sends)
                outcomes = [*outcomes, delivered]
                outcomes += [night.reported(report, days[-1], self._settings) for report in REPORTS.values()]
            except DataError as error:
                failure = error
        text = self._written_down(days, outcomes, failure)
        self._say(text)
        if failure is not None:
            raise failure
        return text

    def _written_down(self, days: Sequence[date], outcomes: Outcomes, failure: DataError | None) -> str:
        named = failure.headline.split(":")[0] if failure else ""
        failures = [{"task": named, "reason": failure.headline}] if failure else []
        try:
            return night.write_down(days, outcomes, failures, self._run_id, self._settings)
        except Exception:
            # What stopped the night, such as a full disk, may keep it from being written down too.
            if failure is None:
                raise
            raise failure from None

    def _made(self, name: str, progress: str, days: Sequence[date], stretch: str = "") -> dict[str, Any]:
        outcome = runner.run(name, days, self._run_id, self._settings).as_dict()
        told = f"{outcome['state']}, {outcome['rows']:,} rows, {outcome['seconds']:.1f} s"
        self._say(f"  [{progress}] {name}{stretch}: {told}")
        return outcome


def _share(at_once: Outcomes, day: date, is_last: bool) -> Outcomes:
    """What a date has of tables that were made of a whole range: its batches; all else is the last one's."""
    shares = []
    for outcome in at_once:
        if not outcome["batches"]:
            shares += [outcome] if is_last else []
            continue
        batches = [batch for batch in outcome["batches"] if batch["ds"] == str(day) or (is_last and not batch["ds"])]
        rows = sum(batch["rows_landed"] for batch in batches) if outcome["rows"] else 0
        state = "done" if rows else "unchanged"
        seconds = outcome["seconds"] if is_last else 0.0
        shares.append({**outcome, "batches": batches, "rows": rows, "state": state, "seconds": seconds})
    return shares
