"""The runner's step for silver.dialled_calls: the dates whose calls, or results around them, changed."""

from typing import Any

from jobs import midnights
from jobs.lake import Expect, Lake, computed, of_dates
from jobs.settings import Settings
from jobs.silver import dialled_calls
from jobs.tables import TABLES
from jobs.windows import differences, on_key

DIALLED = TABLES["silver.dialled_calls"]
CALLS, RESULTS = (TABLES[name] for name in DIALLED.inputs)


def update(lake: Lake, settings: Settings, expect: Expect) -> int:
    """Makes the calls of these dates anew and writes those that came out differently; returns how many."""
    lake.create(DIALLED)
    minutes = settings.configuration.customer_timeline.attempt_minutes
    note: dict[str, Any] = {
        "inputs": {each.name: lake.version(each) for each in (CALLS, RESULTS)},
        "numbers": {"attempt_minutes": minutes},
    }
    stands = lake.noted_last(DIALLED, "inputs")
    if {key: stands.get(key) for key in note} == note:
        return 0
    changed = {each: lake.changed_partitions(each, lake.consumed(DIALLED, each)) for each in (CALLS, RESULTS)}
    days = None
    if stands.get("numbers") == note["numbers"] and None not in changed.values():
        # A call and its result may lie on both sides of a midnight.
        days = sorted({*(changed[CALLS] or ()), *midnights.around(changed[RESULTS] or (), 1)})
    read = days and midnights.around(days, 1)
    lake.prepare(lake.rows(CALLS, days) + lake.rows(RESULTS, read))
    made = dialled_calls.build(
        of_dates(lake.read(CALLS), "event_date", days), of_dates(lake.read(RESULTS), "event_date", read), minutes
    )
    kept = of_dates(lake.read(DIALLED), "event_date", days)
    changes = computed(differences(made, kept, DIALLED))
    found = changes.groupBy("event_date").count().collect()
    if not found:
        lake.remember(DIALLED, **note)
        return 0
    expect(DIALLED, changes.where("NOT _delete"))
    lake.merge(DIALLED, changes, on_key(DIALLED, [row["event_date"] for row in found]), **note)
    return sum(row["count"] for row in found)
