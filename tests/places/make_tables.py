"""An application that makes tables of a range of dates where it runs: `make_tables.py FIRST LAST TABLE...`."""

import sys
from datetime import UTC, date, datetime

from jobs import ops, runner
from jobs.business_dates import dates_between
from jobs.session import stop_server
from jobs.settings import read_settings
from jobs.tables import TABLES, Kind

if __name__ == "__main__":
    first, last, *names = sys.argv[1:]
    days, settings = dates_between(date.fromisoformat(first), date.fromisoformat(last)), read_settings()
    for name in names:
        if TABLES[name].kind is not Kind.LANDED:
            ops.write_nights(runner.open_lake(settings), days, "test", passed_gate_at=datetime.now(UTC))
        runner.run(name, days, "test", settings)
    stop_server(settings)
