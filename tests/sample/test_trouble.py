"""Late, doubled, mended and broken rows are there, and few enough for the night to go on."""

from collections import Counter

from jobs.tables.feeds import FEEDS
from tests.sample.drops import FIRST, day, faults, grouped, moment


def test_exactly_the_rows_told_as_broken_break_the_contract(january):
    for contract in FEEDS:
        found = [(row["ds"], faults(contract, row)) for row in january.rows(contract.name)]
        assert not [found_in_row for _, found_in_row in found if len(found_in_row) > 1]
        told = Counter(row.ds for row in january.told.broken if row.feed == contract.name)
        assert Counter(ds for ds, found_in_row in found if found_in_row) == told


def test_broken_rows_name_their_file_and_show_each_kind(january):
    assert all((january.root / row.file).is_file() for row in january.told.broken)
    reasons = {row.reason for row in january.told.broken if row.feed == "calls"}
    assert reasons == {
        "null call_id",
        "null started_at",
        "started_at does not cast",
        "hold_seconds does not cast",
        "unknown outcome",
        "csat out of range",
        "too few fields",
        "ended before started",
        "event in the future",
        "event before 1990",
    }


def test_no_batch_comes_near_the_gate(january):
    for (feed, ds), count in Counter((row.feed, row.ds) for row in january.told.broken).items():
        assert count <= 10
        assert count / january.told.rows[feed][ds] < 0.02


def test_interactions_come_on_two_days_only_where_that_is_told(january):
    days = grouped(january.sound("interactions"), "interaction_id", "ds")
    stories = ("redelivered_interactions", "corrected_interactions")
    told = {key for story in stories for key in january.story(story, "interaction_id")}
    again = {key for key, seen in days.items() if len(set(seen)) > 1}
    assert again
    assert again <= told


def test_late_calls_come_days_after_they_were_made_and_only_then(january):
    late = january.calls_of("late_calls")
    delays = [(day(row["ds"]) - moment(row["started_at"]).date()).days for row in late]
    assert min(delays) == 1
    assert max(delays) == 20
    assert set(delays) <= {1, 2, 3, 4, 5, 20}


def test_corrected_calls_differ_and_redelivered_ones_do_not(january):
    for story, count in (("corrected_calls", 2), ("redelivered_calls", 1)):
        versions = grouped(january.calls_of(story), "call_id")
        assert {
            len({tuple(row[column] for column in row["header"]) for row in seen})
            for call_id, seen in versions.items()
            if call_id > f"call-{FIRST:%Y%m%d}"  # of older calls the first version lies outside
        } == {count}


def test_a_moved_call_changes_its_day(january):
    starts = grouped(january.calls_of("moved_calls"), "call_id", "started_at")
    assert 2 in {len({start[:10] for start in seen}) for seen in starts.values()}
