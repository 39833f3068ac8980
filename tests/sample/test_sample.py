"""The sample world: the same for the same seed and days, and in the form of the contract."""

from collections import Counter
from datetime import date, timedelta

import pytest

import sample
from jobs.tables.feeds import FEEDS
from sample.__main__ import main
from tests.sample.drops import DAYS, FIRST

STANDING = {"customers", "cards", "agents", "tickets", "do_not_call"}


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for place in ("one", "two"):
        sample.write(tmp_path / place, FIRST, FIRST + timedelta(days=2), customers=60)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_is_another_world(tmp_path):
    for seed in (1, 2):
        sample.write(tmp_path / str(seed), FIRST, FIRST, seed=seed, customers=60)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert not [name for name in one if one[name] == two.get(name)]


def test_a_days_bytes_do_not_depend_on_the_range_but_for_what_stands_on_the_first_day(january, tmp_path):
    sample.write(tmp_path, date(2026, 1, 10), date(2026, 1, 14))
    within = {
        name: data for name, data in contents(january.root).items() if "10" <= name.split("ds=2026-01-")[1][:2] <= "14"
    }
    alone = contents(tmp_path)
    differing = {name for name in within | alone if within.get(name) != alone.get(name)}
    assert {name.split("/")[0] for name in differing} == STANDING
    assert all("ds=2026-01-10" in name for name in differing)


def test_days_outside_the_world_and_too_few_customers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected 2025-01-01 <= from <= to"):
        sample.write(tmp_path, date(2024, 12, 31), FIRST)
    with pytest.raises(ValueError, match="expected 60 or more, found 10"):
        sample.write(tmp_path, FIRST, FIRST, customers=10)


def test_every_feed_has_the_columns_of_the_contract(january):
    for contract in FEEDS:
        row = next(row for row in january.rows(contract.name) if "fields" not in row)
        assert [name for name in row if name not in ("ds", "header")] == [c.name for c in contract.columns]


def test_calls_and_transactions_have_a_file_each_day(january):
    for feed in ("calls", "transactions"):
        assert list(january.told.rows[feed]) == [str(on) for on in DAYS]


def test_rows_are_counted_as_they_lie_in_the_files(january):
    for contract in FEEDS:
        counted = Counter(row["ds"] for row in january.rows(contract.name))
        assert {ds: count for ds, count in january.told.rows[contract.name].items() if count} == counted


def test_the_command_prints_a_line_per_feed(tmp_path, monkeypatch, capsys):
    days = ["--from", "2026-01-05", "--to", "2026-01-05", "--customers", "60"]
    monkeypatch.setattr("sys.argv", ["sample", "--landing", str(tmp_path), *days])
    assert main() == 0
    printed = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in printed} == {contract.name for contract in FEEDS}
    assert (tmp_path / "calls/ds=2026-01-05/calls.csv.gz").is_file()
