"""What a process that was killed left to the server is not added a second time."""

from datetime import UTC, datetime

import pytest

from jobs import runner
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World

BATCHES = TABLES["ops.batches"]


@pytest.mark.spark
def test_rows_that_another_process_added_since_the_look_are_not_added_again(world: World) -> None:
    killed, next_one = (runner.open_lake(read_settings()) for _ in range(2))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = killed.spark.createDataFrame(
        [("calls", None, "a.csv", 1, 1, 0, 10, at)], ", ".join(f"{c.name} {c.type}" for c in BATCHES.columns)
    )
    for lake in (killed, next_one):
        lake.create(BATCHES)
        lake.look(BATCHES)
    killed.append(BATCHES, rows)
    next_one.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(1,)]
    other = runner.open_lake(read_settings(), {"table": "bronze.cards"})
    other.seen = {BATCHES.name: 0}
    other.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(2,)], "another feed's rows are not those of the killed one"
    next_one.look(BATCHES)
    next_one.append(BATCHES, rows)
    assert world.rows("ops.batches", "count(*)") == [(3,)]
