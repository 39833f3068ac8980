"""An application that makes tables of a date in this process's place: `make_tables.py 2026-01-06 bronze.calls ...`."""

import sys
from datetime import UTC, date, datetime

from jobs import ops, runner
from jobs.session import stop_server
from jobs.settings import read_settings
from jobs.tables import TABLES, Kind

if __name__ == "__main__":
    day, names, settings = date.fromisoformat(sys.argv[1]), sys.argv[2:], read_settings()
    for name in names:
        if TABLES[name].kind is not Kind.LANDED:
            ops.write_nights(runner.open_lake(settings), [day], "test", passed_gate_at=datetime.now(UTC))
        runner.run(name, [day], "test", settings)
    stop_server(settings)
