"""Figures that say the same in whatever order their rows come."""

from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs.columns import exact_sum

pytestmark = pytest.mark.spark


def test_a_sum_of_shares_is_the_same_in_any_order(spark: Any) -> None:
    shares = spark.range(2_000).select((1 / (F.col("id") + 3)).alias("share"))
    orders = [shares.orderBy("share"), shares.orderBy(F.desc("share")), shares.repartition(7)]
    found = {rows.agg(exact_sum(F.col("share"))).first()[0] for rows in orders}
    assert len({rows.agg(F.sum("share")).first()[0] for rows in orders}) > 1, "a plain sum is not"
    assert len(found) == 1
    assert found.pop() == pytest.approx(sum(1 / (n + 3) for n in range(2_000)), abs=1e-8)
