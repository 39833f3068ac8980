"""The steps of a night from its opening to its summary, and what takes the lake for itself without Airflow."""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs import __version__, lock, ops, runner, submission, upkeep
from jobs.errors import DataError, SourceUnavailableError
from jobs.gate import hold_gate
from jobs.lake import Lake
from jobs.ops import Outcomes
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings
from jobs.table_logs import TableLogs
from jobs.tables.delivery import DELIVERY
from jobs.tables.reports import REPORTS, Report

if TYPE_CHECKING:
    # Workbooks and SSH take half a second to import, which no table pays.
    from jobs.delivery.deliver import Delivered


def open_night(run_id: str, holder: str) -> None:
    """Takes the lake's lock (`holder`: `process` or `scheduler`) and makes sure that Spark is up."""
    settings = read_settings()
    is_after_a_kill = lock.take(settings, run_id, holder)
    if settings.configuration.spark.remote != "local":
        return
    if is_after_a_kill:
        # It outlived its night, and may still be committing what that had begun.
        stop_server(settings)
    ensure_server(settings)


def run_table(name: str, date: date, run_id: str) -> dict[str, Any]:
    """Makes one table for one business date; the outcome goes to the gate and the summary."""
    settings = read_settings()
    lock.touch(settings, run_id)
    pause_seconds = 0
    try:
        if submission.is_due(settings):
            outcome: dict[str, Any] = submission.step("run_table", settings, name=name, date=str(date), run_id=run_id)
            return outcome
        return runner.run(name, [date], run_id, settings).as_dict()
    except SourceUnavailableError:
        pause_seconds = lock.SOURCE_PAUSE_SECONDS
        raise
    finally:
        lock.touch(settings, run_id, pause_seconds, is_over=True)


def run_report(name: str, date: date, run_id: str) -> dict[str, Any]:
    """Writes the page of a report for one business date; the outcome goes to the summary."""
    with _at_work(run_id) as settings:
        return reported(REPORTS[name], date, settings)


def run_delivery(date: date, run_id: str) -> dict[str, Any]:
    """Hands the lists for the day after a business date over; the outcome goes to the summary."""
    with _at_work(run_id) as settings:
        return delivered(date, run_id, settings)[0]


def gate(date: date, outcomes: Outcomes, run_id: str) -> dict[str, Any]:
    """Lets silver begin: all feeds have landed, and no batch lost too many rows to quarantine.

    Raises:
        DataError: a feed is missing, or a batch exceeds both its share and its number of rows.
    """
    with _at_work(run_id) as settings:
        return hold_gate([date], outcomes, run_id, settings)


def finish(date: date, outcomes: Outcomes, failures: Outcomes, run_id: str) -> str:
    """Writes the night to ops.runs and ops.nights; returns and prints its summary in a few lines."""
    with _at_work(run_id) as settings:
        text = write_down([date], outcomes, failures, run_id, settings)
    print(text)
    return text


def close_night(run_id: str) -> None:
    """Stops the server and releases the lock, if this run has it; another run's server stays up."""
    settings = read_settings()
    if lock.is_held_by(settings, run_id):
        stop_server(settings)
        lock.release(settings, run_id)


def make_table(name: str, day: date, run_id: str) -> dict[str, Any]:
    """One table for one date, with the lock of the lake."""
    runner.declared(name)

    def make(settings: Settings) -> dict[str, Any]:
        made = runner.run(name, [day], run_id, settings).as_dict()
        lake = open_lake(settings, run_id)
        ops.write_batches(lake, [day], [made])
        ops.write_runs(lake, day, [made], [], run_id)
        return made

    made: dict[str, Any] = in_one_process(day, run_id, make)
    return made


def deliver(day: date, run_id: str) -> "Delivered":
    """Hands the lists for the day after a business date over, with the lock of the lake, without Spark."""
    settings = read_settings()
    if lock.take(settings, run_id, "process"):
        # Its server outlived it, and may still be committing what that had begun.
        stop_server(settings)
    try:
        outcome, done = delivered(day, run_id, settings)
        ops.write_runs(TableLogs(settings.lake, {"run_id": run_id}), day, [outcome], [], run_id)
        return done
    finally:
        close_night(run_id)


def train_model(name: str, date: date, run_id: str) -> str:
    """Trains one model as of a business date, within a run that has the lock; says what it came to."""
    with _at_work(run_id) as settings:
        if submission.is_due(settings):
            text: str = submission.step("train_model", settings, name=name, date=str(date), run_id=run_id)
            return text
        return _trained(name, date, run_id, settings, print)


def train(name: str, day: date, run_id: str, say: Callable[[str], None] = print) -> str:
    """Trains one model, with the lock of the lake.

    Raises:
        DataError: there is no such model, or too little to learn from.
    """
    _lesson(name)
    text: str = in_one_process(day, run_id, lambda settings: _trained(name, day, run_id, settings, say))
    return text


def roll_back(name: str, day: date, run_id: str) -> str:
    """Makes the champion before the present one champion again, with the lock of the lake."""
    from jobs import training

    _lesson(name)
    text: str = in_one_process(
        day, run_id, lambda settings: training.roll_back(open_lake(settings, run_id), name, day, settings)
    )
    return text


def _lesson(name: str) -> None:
    # Models take seconds to import, which a night without them need not pay.
    from jobs import training

    training.lesson(name)


def _trained(name: str, day: date, run_id: str, settings: Settings, say: Callable[[str], None]) -> str:
    from jobs import training
    from models.errors import NotEnoughDataError

    try:
        made = training.train(open_lake(settings, run_id), name, day, settings, say)
    except NotEnoughDataError as error:
        expected, _, found = str(error).partition(", found ")
        raise DataError(
            f"model {name} {day}: not trained",
            expected=expected.removeprefix("expected "),
            found=found,
            todo="wait, or load more history (make load); until then the rule tells, with model_version rule",
        ) from None
    return "\n".join(made.lines)


def maintain(date: date, run_id: str, say: Callable[[str], None] = print) -> str:
    """Rows past their retention go, small files are packed, old ones deleted; says what it came to in a line."""
    with _at_work(run_id) as settings:
        if submission.is_due(settings):
            text: str = submission.step("maintain", settings, date=str(date), run_id=run_id)
            return text
        lake = open_lake(settings, run_id)
        done = upkeep.keep_up(lake, date, settings, say)
    return upkeep.summary(done)


def previous_business_day() -> date:
    """The business date before today's."""
    return datetime.now(ZoneInfo(read_settings().time_zone)).date() - timedelta(days=1)


def in_one_process(day: date, run_id: str, work: Callable[[Settings], Any]) -> Any:
    """What `work` returns, done within a night of its own: with the lock of the lake and Spark up."""
    # Great Expectations takes four seconds to import, which the start of the server takes too.
    Thread(target=importlib.import_module, args=["expectations.validate"], daemon=True).start()
    with runner.full_disk_explained(f"night {day}", read_settings()):
        try:
            # Within, as a server that is still starting is left behind too.
            open_night(run_id, "process")
            return work(read_settings())
        finally:
            close_night(run_id)


def delivered(day: date, run_id: str, settings: Settings, sends: bool = True) -> "tuple[dict[str, Any], Delivered]":
    """Hands the lists for the day after over (`sends`: also to other destinations); the outcome, and what went out."""
    from jobs.delivery.deliver import deliver
    from jobs.rights.stored import StoredTables

    started = time.monotonic()
    tables = StoredTables(settings.lake, {"run_id": run_id, "date": str(day), "code_version": __version__})
    today = datetime.now(ZoneInfo(settings.time_zone)).date()
    list_on = day + timedelta(days=1)
    with runner.full_disk_explained(f"{DELIVERY.name} {list_on}", settings):
        done = deliver(tables, list_on, settings, today, sends)
    seconds = round(time.monotonic() - started, 2)
    is_news = done.is_new or done.sent or done.stops
    rows = done.parcel.rows if done.parcel and done.is_new else 0
    outcome = runner.Outcome(DELIVERY.name, "done" if is_news else "unchanged", rows, seconds, done.warnings)
    return outcome.as_dict(), done


def reported(report: Report, day: date, settings: Settings) -> dict[str, Any]:
    """Writes the page of a report for one date; returns the outcome."""
    # Drawing takes a second to import, which no table pays.
    from jobs.reports import pages

    started = time.monotonic()
    written = pages.write(report.short_name, day, settings)
    seconds = round(time.monotonic() - started, 2)
    return runner.Outcome(report.name, "done" if written else "unchanged", 0, seconds).as_dict()


@contextmanager
def _at_work(run_id: str) -> Iterator[Settings]:
    """A task of a run that has the lock, which it keeps until the next one begins, however long this one takes."""
    settings = read_settings()
    lock.touch(settings, run_id)
    try:
        yield settings
    finally:
        lock.touch(settings, run_id, is_over=True)


def write_down(days: Sequence[date], outcomes: Outcomes, failures: Outcomes, run_id: str, settings: Settings) -> str:
    """Writes what dates came to into ops; complete are those without a failure. Returns the summary."""
    lake = _logs(settings, run_id)
    made = [outcome for outcome in outcomes if outcome and outcome["table"] != "gate"]
    if not any(outcome and outcome["table"] == "gate" for outcome in outcomes):
        # A night that stops before its gate has landed all the same. What passed one was written down there, and may
        # have landed anew by another run since.
        ops.write_batches(lake, days, made)
    ops.write_runs(lake, days[-1], made, failures, run_id)
    text = ops.summary(lake, days, made, failures)
    ops.write_nights(lake, days, run_id, completed_at=None if failures else datetime.now(UTC), summary=text)
    return text


def _logs(settings: Settings, run_id: str) -> TableLogs:
    return TableLogs(settings.lake, {"run_id": run_id, "code_version": __version__})


def open_lake(settings: Settings, run_id: str) -> Lake:
    """The lake through Spark, with the run in the note of each commit."""
    return runner.open_lake(settings, {"run_id": run_id, "code_version": __version__})
