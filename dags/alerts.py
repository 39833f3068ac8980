"""Who hears of a failure: what failed, what it means, what to do, on a few lines."""

import asyncio
import logging
from typing import Any

log = logging.getLogger(__name__)


def tell(title: str, *lines: str) -> None:
    """The one place from which people are told: in the log, and by mail and webhook where conf says so."""
    log.error("ALERT %s\n%s", title, "\n".join(lines))
    from jobs import alerting

    try:
        failed = alerting.send(title, lines)
    except Exception:
        # What is told of must not be hidden by the telling: a configuration that cannot be read, for one.
        log.exception("the alert was told in this log alone")
    else:
        for line in failed:
            log.error("the alert did not arrive: %s", line)


def one_line(error: BaseException | None) -> str:
    """What went wrong; what says itself what to do whole, of anything else the first line."""
    if error is None:
        return "the process was killed"
    if hasattr(error, "headline"):
        return " ".join(str(error).split())
    from jobs.errors import one_line as shown
    from jobs.redaction import scrub

    # Spark quotes the value on which it failed.
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {scrub(shown(first_line))}"


def task_failed(context: dict[str, Any]) -> None:
    """Tells that a task failed for good."""
    ti, error = context["ti"], context.get("exception")
    # What has a headline says itself what to do; anything else was tried again in vain.
    reason = str(error).splitlines() if hasattr(error, "headline") else [one_line(error), "  to do:    " + _RERUN]
    tell(
        f"{ti.dag_id}: {ti.task_id} failed",
        *reason,
        f"  owner:    {ti.task.owner}",
        f"  run:      {ti.run_id}",
    )


async def deadline_missed(context: dict[str, Any], impact: str) -> None:
    """Tells that a run is not done though people wait for it."""
    run, deadline = context["dag_run"], context["deadline"]
    if run.get("run_type") == "backfill":
        # Queued all at once, its nights take as long as they take, and nobody's day begins with them.
        return
    # Mail and webhook may take their time, and the triggerer that waits for this one does other work too.
    await asyncio.to_thread(
        tell,
        f"{run['dag_id']}: not done by {deadline['deadline_time']}",
        f"  impact:   {impact}",
        "  to do:    see in the graph what still runs or has failed; " + _RERUN,
        f"  run:      {run['dag_run_id']}, {run['state']}",
    )


_RERUN = "read the task's log, then clear the task; what is done already stays as it is"
