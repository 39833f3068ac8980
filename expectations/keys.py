"""The expectation that no two rows have the same key."""

from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from pyspark.sql import functions as F

from jobs.columns import row_hash


class RepeatedKeys(TableMetricProvider):
    """How many keys stand in more than one row.

    Great Expectations' own metric counts over a window, which sorts all rows by the key; this one groups two hashes of
    it, 96 bits together. Of 10 million keys two are mistaken for one in one check of 10^15; equal keys are not missed.
    """

    metric_name = "table.repeated_keys"
    value_keys = ("columns",)

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805  # the decorator makes it a class method
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> int:
        rows, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        columns = metric_value_kwargs["columns"]
        by_hash = rows.groupBy(row_hash(columns).alias("one"), F.hash(*columns).alias("other")).count()
        return int(by_hash.where("count > 1").count())


class ExpectKeysToBeUnique(BatchExpectation):
    """No two rows have the same values in these columns; null equals null."""

    columns: list[str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.repeated_keys",)
    success_keys: ClassVar[tuple[str, ...]] = ("columns",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        repeated = metrics["table.repeated_keys"]
        return {"success": repeated == 0, "result": {"observed_value": repeated}}
