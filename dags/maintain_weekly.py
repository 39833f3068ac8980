"""The weekly upkeep of all tables.

**What**: takes away rows that are older than their retention, packs dates with several small files, the rows of a
person next to each other (OPTIMIZE), and deletes files that no version needs any more (VACUUM).

**For whom**: everybody who reads the lake: without it every reader gets slower week by week.

**Impact of failure**: none at once; tables stay readable and right. After some weeks nights get slower, and
data is kept longer than `retention_days` allows.

**Owner**: platform
"""

from typing import Any

from airflow.sdk import DAG

from dags.night_shift import DATE, DEFAULTS, business_date, close_night, every, open_night, run_ended, step


def keep_up(context: dict[str, Any]) -> None:
    """All tables, one after the other."""
    from jobs import night

    context["ti"].xcom_push("summary", night.maintain(business_date(context), context["run_id"]))


with DAG(
    "maintain_weekly",
    doc_md=__doc__,
    schedule=every("0 12 * * SUN"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={"date": DATE},
    tags=["lake"],
) as dag:
    opened = open_night()
    upkeep = step("upkeep", keep_up, doc_md="OPTIMIZE, VACUUM and retention of every table.")
    opened >> upkeep
    run_ended(opened, [upkeep]) >> close_night(opened)
