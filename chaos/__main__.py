"""Nights that go wrong, round after round, and what must hold after each of them.

`python -m chaos [--rounds 20] [--seed 7] [--faults kill-night disk-full]` makes a small call centre with its history
once, and for each round a copy of that lake, to whose next night something happens: processes are killed, the disk is
full, files come cut, doubled or reordered, the clock jumps, two nights begin at once. The night is started again until
it ends; then delta-rs and DuckDB hold its lake, and what was delivered, against a night without a fault. Round N has
the seed SEED + N - 1 and can be repeated with it alone. Exit code 1: a promise was broken, and that round's folder is
kept, or no fault befell any night; 130: the suite was ended before its last round.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple

from chaos import faults, scheduler, sources
from chaos.errors import NotHereError
from chaos.rounds import Round
from chaos.runs import MISSED
from chaos.stage import BOTH_NIGHTS, DATABASE, FILES, ROOT, Stage, say

WORK, REPORT = ROOT / ".local/chaos", ROOT / ".local/chaos.json"
STOPPED = 130
"""Exit code of a suite that was ended, as a shell has it."""


class Fault(NamedTuple):
    """What a round does, and how often among others."""

    play: Callable[[Round], None]
    weight: int
    kind: str = FILES


FAULTS = {
    "kill-night": Fault(faults.kill_night, 26),
    "kill-airflow": Fault(faults.kill_airflow, 8),
    "kill-server": Fault(faults.kill_server, 7),
    "kill-all": Fault(faults.kill_all, 6),
    "kill-database": Fault(faults.kill_database, 9, DATABASE),
    "kill-scheduler": Fault(scheduler.kill_scheduler, 2),
    "kill-task": Fault(scheduler.kill_task, 2),
    "kill-metadata": Fault(scheduler.kill_metadata, 1),
    "disk-full": Fault(sources.disk_full, 12),
    "cut": Fault(sources.cut, 7),
    "doubled": Fault(sources.doubled, 5),
    "reordered": Fault(sources.reordered, 4),
    "clock": Fault(faults.clock, 5),
    "two-nights": Fault(faults.two_nights, 6),
    "twice": Fault(faults.twice, 2),
    "order": Fault(faults.order, 1, BOTH_NIGHTS),
}


def main(arguments: list[str] | None = None) -> int:
    """Plays and tells; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=_count, default=20, help="how many rounds (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the first round (default %(default)s)")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, metavar="FAULT", help=f"only these: {' '.join(FAULTS)}")
    parsed = parser.parse_args(arguments)
    stage, played, is_stopped = Stage(WORK), list[dict[str, Any]](), False
    if not stage.claim():
        say(f"another suite is at work in {WORK.relative_to(ROOT)}: wait until it has ended, or use another checkout")
        return 1
    REPORT.unlink(missing_ok=True)
    # What a round has started goes on in sessions of its own, unless it is ended here; a shell's `&` ignores SIGINT.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        stage.set_up()
        for number in range(parsed.rounds):
            _play(stage, parsed.seed + number, parsed.faults, f"{number + 1}/{parsed.rounds}", played)
    except KeyboardInterrupt:
        say("stopped; the rounds that were played are told")
        is_stopped = True
    finally:
        stage.close()
    return _told(played, parsed.faults or FAULTS) or (STOPPED if is_stopped else 0)


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {number}")
    return number


def _play(stage: Stage, seed: int, chosen: list[str] | None, progress: str, played: list[dict[str, Any]]) -> None:
    names = chosen or list(FAULTS)
    (name,) = Random(seed).choices(names, [FAULTS[each].weight for each in names])
    fault = FAULTS[name]
    round_, began, skipped, stopped = Round(stage, name, seed, fault.kind), time.monotonic(), "", None
    try:
        stage.prepare(fault.kind)
        round_.began_at, began = time.time(), time.monotonic()
        fault.play(round_)
    except NotHereError as error:
        skipped = str(error)
    except KeyboardInterrupt as error:
        # The rest of the round is unknown, but not what it had shown by then.
        if not round_.broken:
            raise
        stopped = error
    except Exception as error:
        round_.breaks("the round itself", "to be played to its end", f"{type(error).__name__}: {error}")
    finally:
        round_.end()
    seconds = time.monotonic() - began
    state = _state(round_, skipped)
    say(f"[{progress}] seed {seed} {name}: {state}, {seconds:.0f} s; {'; '.join(round_.events)}")
    if round_.broken:
        _keep(stage, round_, seed, name)
    played.append({
        "seed": seed, "fault": name, "seconds": round(seconds, 1), "hits": round_.hits, "skipped": skipped,
        "events": round_.events, "broken": [str(each) for each in round_.broken],
    })  # fmt: skip
    REPORT.write_text(json.dumps(played, indent=1))
    if stopped:
        raise stopped


def _state(round_: Round, skipped: str) -> str:
    if skipped:
        return f"skipped: {skipped}"
    if round_.broken:
        return "BROKEN"
    return MISSED if _is_missed(round_.hits) else "kept"


def _is_missed(hits: list[str]) -> bool:
    return set(hits) == {MISSED}


def _keep(stage: Stage, round_: Round, seed: int, name: str) -> None:
    kept, on_disk = stage.work / f"broken-{seed}-{name}", stage.work / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    # Of a disk of its own a copy was made before it went.
    (on_disk if on_disk.exists() else stage.round).rename(kept)
    if stage.said.exists():
        shutil.copy(stage.said, kept / "said.log")
    for each in round_.broken:
        say("\n".join(f"    {line}" for line in str(each).splitlines()))
    say(f"    kept: {kept}; again: make chaos N=1 SEED={seed} FAULTS={name}")


def _told(played: list[dict[str, Any]], chosen: Iterable[str] = FAULTS) -> int:
    say("\nfault            rounds skipped before within  after missed  other seconds broken")
    total, unplayed = Counter[str](), []
    for name in chosen:
        rounds = [each for each in played if each["fault"] == name]
        if not rounds:
            unplayed.append(name)
            continue
        hits = Counter(hit for each in rounds for hit in each["hits"])
        columns = [hits.pop(where, 0) for where in ("before", "within", "after", MISSED)]
        skipped, broken = (sum(bool(each[key]) for each in rounds) for key in ("skipped", "broken"))
        seconds = sum(each["seconds"] for each in rounds) / len(rounds)
        missed = sum(_is_missed(each["hits"]) and not each["broken"] for each in rounds)
        total.update(rounds=len(rounds), skipped=skipped, broken=broken, missed=missed)
        cells = " ".join(f"{cell:6}" for cell in [*columns, hits.total()])
        say(f"{name:16} {len(rounds):6} {skipped:7} {cells} {seconds:7.0f} {broken:6}")
    if unplayed:
        say(f"not played: {', '.join(unplayed)}")
    seconds = sum(each["seconds"] for each in played)
    say(
        f"{total['rounds']} rounds in {seconds / 60:.0f} min, {total['skipped']} skipped, {total['missed']} missed, "
        f"{total['broken']} that broke a promise; {REPORT.relative_to(ROOT)}"
    )
    return int(total["broken"] > 0 or total["rounds"] == total["skipped"] + total["missed"])


if __name__ == "__main__":
    sys.exit(main())
