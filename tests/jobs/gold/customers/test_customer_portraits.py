"""A portrait has the tags that an agent may see, the last call and the open tickets."""

from datetime import date, datetime
from typing import Any

import pytest

from jobs.gold.customers import customer_portraits
from jobs.tables import TABLES
from jobs.tables.tags import CATALOGUE

pytestmark = pytest.mark.spark
DAY = date(2026, 1, 31)


def test_a_portrait_puts_tags_last_call_and_open_tickets_together(spark: Any) -> None:
    call = ("call-1", "fee", "answered", None)
    measures = spark.createDataFrame(
        [
            (DAY, "C1", datetime(2026, 1, 30, 9), call, 1, ["T1"]),
            (DAY, "C2", None, None, 0, []),
        ],
        "as_of date, customer_id string, last_call_365d_at timestamp, last_call_365d "
        "struct<call_id:string,topic:string,outcome:string,agent_id:string>, open_tickets bigint, "
        "open_ticket_ids array<string>",
    )
    values = spark.createDataFrame(
        [(DAY, "C1", "yes", "hold"), (DAY, "C2", None, "act")],
        "as_of date, customer_id string, vip string, arm string",
    )
    scores = spark.createDataFrame([("C1", 0.3)], "customer_id string, probability double")
    portraits = customer_portraits.build(measures, values, scores, ["vip"])
    assert "arm" not in portraits.columns
    shown = portraits.select(
        "customer_id", "vip", "last_call_id", "last_call_topic", "last_call_agent_id", "open_tickets",
        "open_ticket_ids", "churn_probability",
    )  # fmt: skip
    assert sorted(map(tuple, shown.collect())) == [
        ("C1", "yes", "call-1", "fee", None, 1, ["T1"], 0.3),
        ("C2", None, None, None, None, 0, [], None),
    ]


def test_every_tag_that_is_not_hidden_is_a_column() -> None:
    columns = TABLES["gold.customer_portraits"].column_names
    assert {tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity != "hidden"} <= {*columns}
    assert not {tag.name for tag in CATALOGUE.tags.values() if tag.sensitivity == "hidden"} & {*columns}
