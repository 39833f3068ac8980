"""The models, trained anew, compared with their champions, and promoted through the gates.

**What**: one task per model: builds its training set from the lake, fits it, holds it against the champion and two
baselines on the newest period whose answers are known, and promotes it if every gate opens. A shut gate is no
failure: the champion goes on, and the model card says why.

**For whom**: everybody who acts on scores: campaigns, team leaders, analysts.

**Impact of failure**: the champions of before go on scoring; the next month, or the same date run again, trains anew.

**Owner**: platform
"""

from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from dags.night_shift import DATE, DEFAULTS, business_date, close_night, every, open_night, run_ended, step
from jobs.tables.models import MODELS, Model


def train(model: Model) -> PythonOperator:
    """The task of one model."""

    def work(context: dict[str, Any]) -> None:
        from jobs import night

        context["ti"].xcom_push("summary", night.train_model(model.name, business_date(context), context["run_id"]))

    doc = f"{model.about}.\n\n**Learns from**: {model.features}\n\n**Impact of failure**: {model.impact}"
    return step(f"train.{model.name}", work, owner=model.owner, doc_md=doc)


with DAG(
    "train_monthly",
    doc_md=__doc__,
    schedule=every("0 14 1 * *"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={"date": DATE},
    tags=["models"],
) as dag:
    opened = open_night()
    trained = [train(model) for model in MODELS.values()]
    opened >> trained
    run_ended(opened, trained) >> close_night(opened)
