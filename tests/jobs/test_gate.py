"""The gate says what it found and what conf allows, and what passed it is accounted for once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import night, ops
from jobs.errors import DataError
from jobs.gate import hold_gate
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import FEEDS, TABLES

DAY = date(2026, 1, 31)


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableLogs:
    """The logs of an empty lake, which is the one of the environment."""
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path / "lake"))
    return TableLogs(str(tmp_path / "lake"))


def landed(rows_in: int, rows_quarantined: int) -> list[dict[str, Any]]:
    """What all feeds came to, of which but one had a file."""
    of_calls = {"feed": "calls", "ds": str(DAY), "file": "calls.csv", "file_bytes": 1, "file_modified_at": None}
    counts = {
        "rows_in": rows_in, "rows_landed": rows_in - rows_quarantined, "rows_quarantined": rows_quarantined,
        "rows_of_file": rows_in, "rows_erased": 0,
    }  # fmt: skip
    plain = {"state": "done", "rows": 0, "seconds": 0.0, "warnings": []}
    none = [{**plain, "table": f"bronze.{feed.name}", "batches": []} for feed in FEEDS if feed.name != "calls"]
    return [*none, {**plain, "table": "bronze.calls", "batches": [{**of_calls, **counts}]}]


@pytest.mark.parametrize(("share", "told"), [(0.004, "0.4%"), (0.02, "2%"), (0.07, "7%")])
def test_a_share_of_less_than_a_hundredth_is_not_told_as_none(
    logs: TableLogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, told: str
) -> None:
    (tmp_path / "conf.yaml").write_text(f"feeds: {{calls: {{quarantine: {{share: {share}, rows: 1}}}}}}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    before, now = DAY - timedelta(days=1), datetime.now(UTC)
    ops.write_nights(logs, [before, DAY], "run", passed_gate_at=now, completed_at=now)
    with pytest.raises(DataError) as raised:
        hold_gate([DAY], landed(20, 5), "run", read_settings())
    assert raised.value.found == f"calls {DAY}: 5 of 20 rows quarantined, allowed 1 or {told}"
    passed = {row["ds"]: row["passed_gate_at"] is not None for row in logs.records(TABLES["ops.nights"])}
    assert passed == {before: True, DAY: False}, "what lies in bronze now passed no gate"


@pytest.mark.parametrize("has_passed", [True, False])
def test_the_summary_of_a_run_counts_batches_anew_only_where_no_gate_has_counted_them(
    logs: TableLogs, has_passed: bool
) -> None:
    """A task of it may be cleared, and its summary written, after another run has landed the date again."""
    settings, earlier = read_settings(), landed(20, 0)
    passed = [hold_gate([DAY], earlier, "earlier", settings)] if has_passed else []
    hold_gate([DAY], landed(30, 0), "later", settings)
    night.write_down([DAY], [*earlier, *passed], [], "earlier", settings)
    [batch] = logs.records(TABLES["ops.batches"])
    assert batch["rows_in"] == (30 if has_passed else 20)
