"""What may befall a night: kills, a clock that jumps, a second night, other orders."""

import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from chaos import promises
from chaos.errors import NotHereError
from chaos.rounds import BUSINESS, LIST_ON, OF_THE_NIGHT, STARTS, Round
from chaos.runs import MISSED, Moment, Run, kill
from chaos.stage import NEXT, NIGHT

OF_NEXT = ("--from", str(NEXT), "--to", str(NEXT))
OFF_BY_HOURS = (-87_600, -9_600, -25, -1, -0.025, 0.025, 1, 25, 9_600)
"""By which a clock is wrong: from a minute and a half to years."""
SERVED_SHARE = 0.7
"""Of rounds that could as well play on a server of the night's own."""
CLOCK_VARIABLE = "ECHOLAKE_CHAOS_CLOCK"
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")
KILLS = (1, 2), (3, 1)
"""How many times a night is killed, and how often so."""


def kill_night(round_: Round) -> None:
    """The process of the night is killed, and Spark goes on with what it was told."""
    _killed(round_, ("backfill", *OF_THE_NIGHT), is_served=True)


def kill_airflow(round_: Round) -> None:
    """The process of `make nightly` is killed; it is started again, or once the night by hand."""
    _killed(round_, ("nightly", "--date", str(NIGHT)), is_served=True)


def kill_all(round_: Round) -> None:
    """The night and its Spark server are killed at once, as when a machine loses its power."""
    _killed(round_, ("backfill", *OF_THE_NIGHT), is_served=False, with_server=True)


def _killed(round_: Round, command: tuple[str, ...], is_served: bool, with_server: bool = False) -> None:
    with round_.read():
        for _ in range(*round_.rng.choices(*KILLS)):
            run = round_.start(*command, is_served=is_served)
            hit = round_.strike(run, partial(_kill, round_, run, with_server), f"kill -9 of {command[0]}")
            code = run.wait()
            round_.demand("a night that nothing befell ends", code == 0 or hit != MISSED, "exit code 0", run)
        again = command if round_.rng.random() < 0.5 else ("backfill", *OF_THE_NIGHT)
        round_.until_done(*again, is_served=is_served, starts=STARTS)
    round_.check()


def _kill(round_: Round, run: Run, with_server: bool) -> bool:
    is_hit = run.kill()
    if with_server:
        _kill_server(round_)
    return is_hit


def _kill_server(round_: Round) -> bool:
    pid = round_.stage.server_of(round_.root / "lake")
    return pid > 0 and kill(pid)


def kill_server(round_: Round) -> None:
    """The Spark server is killed: `make nightly` goes on by itself, another command is started again."""
    is_airflow = round_.rng.random() < 0.5
    command = ("nightly", "--date", str(NIGHT)) if is_airflow else ("backfill", *OF_THE_NIGHT)
    with round_.read():
        run = round_.start(*command, is_served=False)
        hit = round_.strike(run, lambda: _kill_server(round_), f"kill -9 of the Spark server of {command[0]}")
        code, may_fail = run.wait(), not is_airflow and hit != MISSED
        round_.demand("a night survives a lost server", code == 0 or may_fail, "exit code 0", run)
        round_.demand("an error is exit code 1", code in (0, 1), "exit code 0 or 1", run)
        if code:
            round_.until_done(is_served=False, starts=STARTS)
    round_.check()


def kill_database(round_: Round) -> None:
    """The source's PostgreSQL is killed before or while it is read, and stays away until the night has failed."""
    database = round_.stage.database
    # Transactions land third; later blows find nobody who reads.
    moment = Moment(round_.rng.choices((0, 1, 2, 3, 4), (1, 2, 8, 2, 1))[0], round_.rng.random())
    with round_.read():
        try:
            run = round_.start()
            round_.strike(run, database.kill, "kill -9 of PostgreSQL", moment)
            code = run.wait()
            if code:
                told = run.text
                is_named = "transactions" in told and ("does not answer" in told or "database" in told)
                round_.demand("a source that is down is named", code == 1 and is_named, "exit code 1 and its name", run)
                kept = round_.before.names(*BUSINESS[1:])
                round_.broken += promises.untouched(round_.lake, round_.before, kept)
        finally:
            if database.process_is_over:
                database.restart()
        round_.until_done()
    round_.check()


def two_nights(round_: Round) -> None:
    """A second command starts while the night is on: it is refused, or waits, and the night is not disturbed."""
    rng = round_.rng
    of_date = ("--date", str(NIGHT))
    others: list[tuple[str, ...]] = [
        ("backfill", *OF_THE_NIGHT),
        ("table", "gold.service_kpis", *of_date),
        ("deliver", *of_date),
    ]
    other = rng.choices(others, (6, 2, 1))[0]
    is_served = rng.random() < SERVED_SHARE
    with round_.read():
        first = round_.start(is_served=is_served)
        if other[0] == "backfill" and rng.random() < 0.5:
            time.sleep(rng.uniform(0, 2))
            second = round_.start(*other, is_served=is_served)
            round_.hits.append("before")
        else:
            started: list[Run] = []
            # While tables are made: after the last one the night may be over before the other has begun.
            moment = Moment(rng.randrange(len(round_.kind.usual) - 2), rng.random())
            round_.strike(first, lambda: started.append(round_.start(*other, is_served=is_served)), other[0], moment)
            second = started[0] if started else first
        codes = first.wait(), second.wait()
        round_.events.append(f"exit codes {codes}")
        for run in (first, second):
            is_refused = run.wait() == 1 and "in use by the run" in run.text
            round_.demand("two nights exclude each other", run.wait() == 0 or is_refused, "0, or 1 and why", run)
        round_.demand("one of two nights goes through", 0 in codes, "exit code 0 of one", first)
        if codes[0]:
            round_.until_done(is_served=is_served)
    round_.check()


def clock(round_: Round) -> None:
    """The machine's clock is wrong, in another time zone, and is set in the middle of the night."""
    rng, file = round_.rng, round_.root / "clock"
    first, then = rng.choice((0, *OFF_BY_HOURS)), rng.choice(OFF_BY_HOURS)
    set_clock(file, first)
    more = {
        "LD_PRELOAD": str(wrong_clock(round_.stage.work / "clock.so")),
        CLOCK_VARIABLE: str(file),
        "TZ": rng.choice(ZONES),
    }
    with round_.read():
        run = round_.start(is_served=rng.random() < SERVED_SHARE, more=more)
        round_.strike(run, partial(set_clock, file, then), f"clock off by {first} h, {more['TZ']}, then by {then} h")
        code = run.wait()
        round_.demand("a night does not ask the clock", code == 0, "exit code 0", run)
        if code:
            round_.until_done()
    round_.check()


def set_clock(file: Path, hours: float) -> None:
    """Lets the clocks that hang on the file be wrong by so many hours, at once."""
    # In place: the processes have the file mapped.
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(int(hours * 3_600).to_bytes(8, sys.byteorder, signed=True))


def wrong_clock(library: Path) -> Path:
    """Makes the library that gives a process a wrong clock.

    Raises:
        NotHereError: there is no compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotHereError("no C compiler on this machine (Debian: gcc, libc6-dev)")
    source = Path(__file__).with_name("clock.c")
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=False, capture_output=True
    )
    if done.returncode:
        raise NotHereError(f"clock.c does not compile: {done.stderr.decode(errors='replace')[:200]}")
    return library


def twice(round_: Round) -> None:
    """A night that ended is run again: nothing changes, and no table gets another version."""
    round_.until_done()
    versions = round_.lake.versions()
    round_.until_done("nightly", "--date", str(NIGHT)) if round_.rng.random() < 0.3 else round_.until_done()
    again = round_.lake.versions()
    apart = [name for name in again if again[name] != versions.get(name)]
    if apart:
        round_.breaks("a night run twice is a night run once", "no new version", ", ".join(apart))
    round_.check()


def order(round_: Round) -> None:
    """The next night runs before this one: bronze, silver and facts end the same, and nothing moves back."""
    round_.is_strict = False
    round_.until_done("backfill", *OF_NEXT)
    stamped = [name for name in round_.lake.names("features", "gold") if name in FORWARD]
    ahead = {name: round_.lake.fingerprint(name) for name in stamped}
    round_.until_done()
    kind = round_.kind
    facts = [name for name in kind.fingerprints if name.split(".")[0] in ("bronze", "silver") or name in FACTS]
    round_.broken += promises.same_tables(round_.lake, kind.fingerprints, kind.lake, facts)
    for name, was in ahead.items():
        if round_.lake.fingerprint(name) != was:
            round_.breaks("history and snapshots only move forward", f"{name} as the later night left it", "another")
    round_.broken += promises.whole_folder(round_.root / f"delivery/{LIST_ON}")
    round_.check_ends()


FACTS = (
    "gold.repeat_calls", "gold.service_kpis", "gold.customer_identities", "gold.caller_identities",
    "gold.customer_timeline", "gold.customer_journeys",
)  # fmt: skip
FORWARD = (
    "gold.customer_tags", "gold.customer_portraits", "gold.contact_effects", "gold.script_effects", "gold.list_quality",
)  # fmt: skip
