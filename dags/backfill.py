"""The nights of a range again, oldest first.

**What**: makes the same lake as the nights of the range one by one. For history that came late, a mended
mapping, or tables that only move forward (history, snapshots).

**For whom**: data engineers.

**Impact of failure**: the nights before the failed one are made. That one and the later ones are not complete
(`ops.nights`) where history was taken back to be made anew, else as they were. Run the range again from the date
that the log names.

**Owner**: platform
"""

from datetime import date
from typing import Any

from airflow.sdk import DAG, Param

from dags.night_shift import DEFAULTS, close_night, open_night, run_ended, step


def run_nights(context: dict[str, Any]) -> None:
    """All nights of the range, in one task: tags and lists build on the night before."""
    from jobs import ranges

    first, last = (date.fromisoformat(context["params"][name]) for name in ("from", "to"))
    context["ti"].xcom_push("summary", ranges.backfill(first, last, context["run_id"]))


with DAG(
    "backfill",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={
        "from": Param(type="string", format="date", description="First business date"),
        "to": Param(type="string", format="date", description="Last business date"),
    },
    tags=["lake"],
) as dag:
    opened = open_night()
    nights = step("nights", run_nights, doc_md="Every night of the range, oldest first. A retry goes over it again.")
    opened >> nights
    run_ended(opened, [nights]) >> close_night(opened)
