"""Runs a table's expectations with Great Expectations."""

import importlib
import logging
import os
from dataclasses import dataclass
from typing import Any

# Set before the import: the library logs while it loads, and must not call home.
logging.getLogger("great_expectations").setLevel(logging.ERROR)
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx  # noqa: E402
from great_expectations import expectations as gxe  # noqa: E402
from great_expectations.core.expectation_suite import ExpectationSuite  # noqa: E402
from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: E402
from great_expectations.expectations.expectation import Expectation  # noqa: E402

from expectations.keys import ExpectKeysToBeUnique  # noqa: E402
from jobs.tables.contract import Table  # noqa: E402


@dataclass(frozen=True)
class Failure:
    """An expectation that did not hold, in a sentence."""

    is_critical: bool
    sentence: str


def validate(table: Table, rows: Any) -> list[Failure]:
    """The expectations of `table` that `rows` (a Spark frame) break; critical ones first."""
    expected = [*declared(table), *written(table)]
    if not expected:
        return []
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_spark(name="spark", persist=False)
    batch = source.add_dataframe_asset(name="rows").add_batch_definition_whole_dataframe("all")
    suite = ExpectationSuite(name=table.name, expectations=expected)
    result = batch.get_batch({"dataframe": rows}).validate(suite, result_format="BOOLEAN_ONLY")
    failures = [
        Failure(_is_critical(found.expectation_config), _sentence(found))
        for found in result.results
        if not found.success
    ]
    return sorted(failures, key=lambda failure: not failure.is_critical)


def declared(table: Table) -> list[Expectation]:
    """What the declaration says: required columns are filled, keys are unique, enumerations and ranges hold."""
    expected: list[Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=column.name, severity="critical")
        for column in table.columns
        if column.required
    ]
    for column in table.columns:
        if column.values:
            expected.append(
                gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.values), severity="critical")
            )
        if column.between:
            low, high = column.between
            expected.append(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column.name, min_value=low, max_value=high, severity="critical"
                )
            )
    if table.key:
        expected.append(ExpectKeysToBeUnique(columns=list(table.key), severity="critical"))
    return expected


def written(table: Table) -> list[Expectation]:
    """What its own module says beyond the declaration."""
    try:
        module = importlib.import_module(f"expectations.{_module(table)}")
    except ModuleNotFoundError:
        return []
    found: list[Expectation] = list(module.EXPECTATIONS)
    return found


def _module(table: Table) -> str:
    return table.module.removeprefix("jobs.") if table.layer == "gold" and table.module else table.name


def _is_critical(configuration: Any) -> bool:
    return str(getattr(configuration, "severity", "critical")).lower().endswith("critical")


def _sentence(found: Any) -> str:
    configuration = found.expectation_config
    if found.exception_info and found.exception_info.get("raised_exception"):
        return f"{configuration.type} could not be checked"
    notes = getattr(configuration, "notes", None)
    details = {key: value for key, value in configuration.kwargs.items() if key != "batch_id"}
    shown = ", ".join(f"{key}={value}" for key, value in details.items())
    return f"{notes or configuration.type} ({shown})"
