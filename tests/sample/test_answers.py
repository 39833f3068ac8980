"""Lists are answered the same way each time, nobody else is touched, and what is planted is as often there as told."""

import csv
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from sample import answers
from sample.answers import Change, Contact
from sample.world import World

DAY = date(2026, 3, 25)
DAYS = [DAY + timedelta(days=place) for place in range(6)]
COLUMNS = ["rank", "customer_id", "phone", "channel", "slot_start", "slot_end", "result", "callback_at", "note"]
PLANTED = {"offer": Change("transactions", 0.7), "news": Change("calls", 0.6), "tips": Change("transactions", 0.0)}
CHANNELS = {"offer": "call", "news": "push", "tips": "sms"}
LISTED, HELD_OUT = range(100, 130), range(130, 160)


@pytest.fixture(scope="module")
def world():
    return World(7, 300)


def deliver(root, campaigns, shuffled=None):
    """Delivers the lists of a day; customers in the order of `shuffled`, a seed, or of their numbers."""
    for campaign in campaigns:
        listed = list(LISTED)
        if shuffled is not None:
            random.Random(shuffled).shuffle(listed)
        file = root / str(DAY) / f"{campaign}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8-sig", newline="") as lines:
            writer = csv.DictWriter(lines, COLUMNS)
            writer.writeheader()
            for rank, number in enumerate(listed, 1):
                at = f"{DAY} {number % 10:02}:00"
                row = {"rank": rank, "customer_id": f"C{number:05}", "channel": CHANNELS[campaign], "slot_start": at}
                writer.writerow(row)
    return root


def told(world, root):
    """All that comes of the lists, by feed and day."""
    rows = {("contact_results", day): answers.results(world, root, day) for day in DAYS}
    rows |= {("dialled", day): answers.dialled_calls(world, root, day) for day in DAYS}
    for day in DAYS:
        rows |= {(feed, day): made for feed, made in answers.changes(world, root, day, PLANTED).items()}
    return {
        key: sorted(made, key=lambda row: (row["customer_id"], row.get("campaign") or "")) for key, made in rows.items()
    }


def contact(number, day, campaign="offer"):
    at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    return Contact(day, campaign, f"C{number:05}", CHANNELS[campaign], at)


def test_the_same_lists_in_any_order_are_answered_alike(world, tmp_path):
    first = told(world, deliver(tmp_path / "a", ["offer", "news"]))
    assert told(world, deliver(tmp_path / "b", ["news", "offer"], shuffled=3)) == first
    assert [row["attempt_id"] for row in first["contact_results", DAY]]
    other = World(8, 300)
    assert told(other, tmp_path / "a") != first


def test_nobody_who_is_on_no_list_is_answered_for(world, tmp_path):
    rows = told(world, deliver(tmp_path, CHANNELS))
    touched = {row["customer_id"] for made in rows.values() for row in made}
    assert touched <= {f"C{number:05}" for number in LISTED}
    assert not touched & {f"C{number:05}" for number in HELD_OUT}
    assert not [
        row for made in rows.values() for row in made if row.get("transaction_id", "").startswith("answer-tips")
    ]


def test_a_fifth_is_not_worked_and_a_tenth_of_the_results_comes_late(world):
    results = [answers.result(world, contact(number, day)) for number in range(1, 301) for day in DAYS]
    worked = [row for row in results if row]
    assert len(worked) / len(results) == pytest.approx(0.8, abs=0.04)
    late = [row for row in worked if row["comes_on"] > row["list_on"]]
    assert len(late) / len(worked) == pytest.approx(0.1, abs=0.03)
    assert {row["result"] for row in worked} == set(answers.CALL_RESULTS)


@pytest.mark.parametrize("campaign", CHANNELS)
def test_contacts_change_as_much_as_is_planted(world, campaign):
    change = PLANTED[campaign]
    contacts = [contact(number, day, campaign) for number in range(1, 301) for day in DAYS]
    acts = [(each, answers.acts_on(world, each, change)) for each in contacts]
    for days in (0, 1, 2, 3):
        in_time = sum(day is not None and day <= each.list_on + timedelta(days=days) for each, day in acts)
        chance = answers.chance_of_acting(CHANNELS[campaign], change, days)
        assert in_time / len(acts) == pytest.approx(chance, abs=0.04)
    assert all(day is None or each.list_on < day for each, day in acts)


def test_a_list_comes_back_with_its_own_rows_and_the_results_of_the_day(world, tmp_path):
    root = deliver(tmp_path, ["offer"])
    file = root / f"{DAY}/offer.csv"
    for day in DAYS[:2]:
        content = answers.filled_in(world, file, DAY, day)
        assert content is not None
        back = list(csv.DictReader(content.decode().splitlines()))
        assert [row["customer_id"] for row in back] == [f"C{number:05}" for number in LISTED]
        assert {(row["list_on"], row["campaign"]) for row in back} == {(str(DAY), "offer")}
        worked = {row["customer_id"]: row["result"] for row in back if row["result"]}
        assert worked == {row["customer_id"]: row["result"] for row in answers.results(world, root, day)}
    assert answers.filled_in(world, file, DAY, DAYS[-1]) is None
