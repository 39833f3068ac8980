"""What it costs to decide whom to reach: a million customers, candidates of ten campaigns each.

`python -m bench.outreach [--customers 1000000]` makes up what is known of so many customers on a date, a tenth of whom
some rule spares, and measures gold.call_candidates and gold.call_lists of that night, and of a tenth of the customers
before; the first night of all does not count.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from bench.steps import timed
from bench.worlds import environment
from jobs import runner
from jobs.lake import Lake
from jobs.session import ensure_server, stop_server
from jobs.settings import Settings, read_settings
from jobs.tables import TABLES

DAY = date(2026, 6, 30)
STEPS = ("gold.call_candidates", "gold.call_lists")
CAMPAIGNS = 10
KNOWN = TABLES["features.outreach_customers"]
NONE = {
    "map<string,bigint>": "map()", "array<string>": "array()", "bigint": "0", "boolean": "false",
}  # fmt: skip


def main() -> int:
    """Measures and prints; writes .local/bench-outreach.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.outreach", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers, each a candidate of ten campaigns")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echolake-bench-") as folder:
        os.environ.update(environment(Path(folder)))
        conf = Path(folder) / "campaigns.yaml"
        conf.write_text(
            yaml.safe_dump({"outreach": {"campaigns": _campaigns(), "capacity": {"minutes_an_hour": 5000}}})
        )
        os.environ["ECHOLAKE_CONF"] = str(conf)
        settings = read_settings()
        ensure_server(settings)
        try:
            figures = _measured(settings, parsed.customers)
        finally:
            stop_server(settings)
    Path(".local/bench-outreach.json").write_text(json.dumps(figures, indent=1))
    return 0


def _campaigns() -> dict[str, Any]:
    """Ten campaigns that want everybody, half of them by telephone; ours are out."""
    ours = dict.fromkeys(each.name for each in read_settings().configuration.outreach.campaigns)
    return ours | {
        f"campaign_{n}": {
            "goal": "measure", "kind": "service", "channel": "call" if n % 2 else "sms", "audience": "star_level >= 1",
            "score": f"(1 + pmod(xxhash64(customer_id, {n}), 1000)) / 1001", "value": 100 + n, "effect": 0.1,
            "effect_sd": 0.05, "cost": 1, "why": "{star_level} stars", "scripts": [{"id": "s", "hint": "say"}],
            "quota": 50_000, "outcome": {"table": "silver.calls"}, "outcome_days": 30, "owner": "bench",
        }
        for n in range(CAMPAIGNS)
    }  # fmt: skip


def _measured(settings: Settings, customers: int) -> dict[str, float]:
    lake = runner.open_lake(settings)
    batches = [
        {"feed": "do_not_call", "ds": DAY, "file": "none.csv", "rows_in": 0, "rows_landed": 0, "rows_quarantined": 0}
    ]
    lake.record(TABLES["ops.batches"], batches, f"ds = DATE'{DAY}'")
    for name in ("silver.contact_results", "silver.shifts", "gold.customer_identities", "features.customer_tag_values",
                 "gold.churn_scores", "gold.repeat_call_advice"):  # fmt: skip
        lake.create(TABLES[name])
    _night(lake, settings, 1000, DAY)
    few = _night(lake, settings, customers // 10, DAY + timedelta(days=1))
    many = _night(lake, settings, customers, DAY + timedelta(days=2))
    print(f"\n{customers:,} customers x {CAMPAIGNS} campaigns decided and listed: {many:.1f} s")
    print(f"ten times as many customers take {many / few:.1f} times as long")
    return {"decide_seconds": many, "growth_of_ten_times": many / few}


def _night(lake: Lake, settings: Settings, customers: int, day: date) -> float:
    """Seconds to decide on so many customers, and to write the lists."""
    given = {
        "as_of": f"DATE'{day}'", "customer_id": "concat('C', id)", "phone_token": "concat('t', id)", "country": "'CN'",
        "region": "if(id % 3 = 0, 'Hunan', 'Hubei')", "time_zone": "'Asia/Shanghai'",
        "star_level": "cast(1 + id % 7 AS int)",
        "call_consent": "true", "sms_consent": "true", "contacts_7d": "if(id % 10 = 0, 2, 0)",
        "answer_hour": "cast(pmod(xxhash64(id), 12) AS int)",
    }  # fmt: skip
    columns = (
        f"cast({given.get(c.name, NONE.get(c.type, 'NULL') if c.required else 'NULL')} AS {c.type}) AS {c.name}"
        for c in KNOWN.columns
    )
    lake.append(KNOWN, lake.spark.range(customers).selectExpr(*columns))
    return timed(settings, STEPS, day)


if __name__ == "__main__":
    sys.exit(main())
