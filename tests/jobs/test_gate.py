"""The gate says what it found and what conf allows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import ops
from jobs.errors import DataError
from jobs.gate import hold_gate
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import FEEDS, TABLES

DAY = date(2026, 1, 31)


@pytest.mark.parametrize(("share", "told"), [(0.004, "0.4%"), (0.02, "2%"), (0.07, "7%")])
def test_a_share_of_less_than_a_hundredth_is_not_told_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, told: str
) -> None:
    (tmp_path / "conf.yaml").write_text(f"feeds: {{calls: {{quarantine: {{share: {share}, rows: 1}}}}}}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path / "lake"))
    of_calls = {"feed": "calls", "ds": str(DAY), "file": "calls.csv", "file_bytes": 1, "file_modified_at": None}
    counts = {"rows_in": 20, "rows_landed": 15, "rows_quarantined": 5, "rows_of_file": 20, "rows_erased": 0}
    outcomes: list[dict[str, Any]] = [
        {"table": f"bronze.{feed.name}", "batches": []} for feed in FEEDS if feed.name != "calls"
    ]
    outcomes.append({"table": "bronze.calls", "batches": [{**of_calls, **counts}]})
    logs = TableLogs(str(tmp_path / "lake"))
    before, now = DAY - timedelta(days=1), datetime.now(UTC)
    ops.write_nights(logs, [before, DAY], "run", passed_gate_at=now, completed_at=now)
    with pytest.raises(DataError) as raised:
        hold_gate([DAY], outcomes, "run", read_settings())
    assert raised.value.found == f"calls {DAY}: 5 of 20 rows quarantined, allowed 1 or {told}"
    passed = {row["ds"]: row["passed_gate_at"] is not None for row in logs.records(TABLES["ops.nights"])}
    assert passed == {before: True, DAY: False}, "what lies in bronze now passed no gate"
