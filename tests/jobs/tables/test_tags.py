"""conf/tags says what it must: no clock, no second name, and no new meaning under an old version."""

from datetime import date
from pathlib import Path

import pytest

from jobs.tables.tags import CATALOGUE, Rule, TagError, read_catalogue
from jobs.tag_lock import locked, read_lock, unlocked

GROUPS = {"profile", "products", "value", "spending", "trend", "service", "marketing", "risk", "location"}

FILE = """
owner = "me"
purpose = "test"
sensitivity = "internal"

[conditions]
inbound = "direction = 'inbound'"

[measures."calls_{window}_number"]
about = "Inbound calls"
table = "silver.calls"
aggregate = "count"
where = "{inbound} OR topic IS NULL"
windows = ["7d", "30d"]

[tags.caller_7d]
meaning = "Whether the customer called"
null = "no calls feed"
value = "if(calls_7d_number > 0, 'yes', 'no')"
version = 1
since = 2026-01-01
golden = [{ calls_7d_number = 1, tag = "yes" }]
"""


def write(folder: Path, text: str = FILE, name: str = "group.toml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_there_is_a_file_for_each_group_and_the_lock_holds_every_rule() -> None:
    assert {tag.group for tag in CATALOGUE.tags.values()} == GROUPS
    assert len(CATALOGUE.tags) >= 45
    assert unlocked(CATALOGUE, read_lock()) == ([], []), "python -m jobs tags says what to do"


def test_a_name_says_its_window_last() -> None:
    for tag in CATALOGUE.tags.values():
        windows = {measure.days for measure in CATALOGUE.measures_of(tag.rules[0]) if measure.days}
        assert not windows or tag.name == "home_region" or tag.name.rpartition("_")[2][:-1].isdigit(), tag.name


def test_windows_and_conditions_are_filled_in(tmp_path: Path) -> None:
    measures = read_catalogue(write(tmp_path)).measures
    assert measures["calls_7d_number"].days == 7
    assert measures["calls_30d_number"].where == "(direction = 'inbound') OR topic IS NULL"
    assert measures["calls_rows_30d"].where is None, "all rows of the longest window"


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("calls_7d_number > 0", "calls_7d_number > rand()", "rand"),
        ("{inbound} OR topic IS NULL", "event_date = current_date()", "current_date"),
        ("calls_7d_number > 0", "1 > 0", "names no measure"),
        ('sensitivity = "internal"', 'sensitivity = "secret"', "secret"),
        ('aggregate = "count"', 'aggregate = "median"', "median"),
        ('aggregate = "count"', 'aggregate = "sum"', "calls_7d_number"),
        ('aggregate = "count"', 'aggregate = "count"\nper = "topic"', "over a table of versions"),
        ('aggregate = "count"', 'aggregate = "sum"\nof = "1"\ntype = "int"\nper = "topic"', "over a table of versions"),
        ("version = 1\n", "", "version"),
        ("[tags.caller_7d]", "[tags.caller_7d", "group.toml"),
        ('golden = [{ calls_7d_number = 1, tag = "yes" }]', "golden = []", "golden"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, before: str, after: str, found: str) -> None:
    assert before in FILE
    with pytest.raises(TagError, match=found):
        read_catalogue(write(tmp_path, FILE.replace(before, after)))


def test_two_groups_cannot_have_one_name(tmp_path: Path) -> None:
    write(tmp_path, FILE, "one.toml")
    with pytest.raises(TagError, match="there twice"):
        read_catalogue(write(tmp_path, FILE, "two.toml"))


def test_another_expression_or_measure_under_the_same_version_is_noticed(tmp_path: Path) -> None:
    lock = locked(read_catalogue(write(tmp_path)), {})
    for before, after in (("> 0", "> 1"), ("OR topic IS NULL", "")):
        changed = read_catalogue(write(tmp_path, FILE.replace(before, after)))
        assert unlocked(changed, lock) == ([], ["caller_7d 1"])
        assert locked(changed, lock) == lock
    laid_out = read_catalogue(write(tmp_path, FILE.replace("if(calls_7d_number >", "if(calls_7d_number   >")))
    assert unlocked(laid_out, lock) == ([], [])


def test_a_new_version_holds_from_its_date_and_the_old_one_before(tmp_path: Path) -> None:
    earlier = '\n[[tags.caller_7d.earlier]]\nversion = 1\nsince = 2026-01-01\nvalue = "calls_7d_number"\n'
    text = FILE.replace("version = 1\nsince = 2026-01-01", "version = 2\nsince = 2026-03-01") + earlier
    catalogue = read_catalogue(write(tmp_path, text))
    tag = catalogue.tags["caller_7d"]
    on = {day: tag.rule_on(date(2026, *day)).version for day in ((2, 28), (3, 1))} | {
        0: tag.rule_on(date(1999, 1, 1)).version
    }
    assert on == {(2, 28): 1, (3, 1): 2, 0: 1}
    assert unlocked(catalogue, {}) == (["caller_7d 2", "caller_7d 1"], [])


def test_a_tag_is_partial_until_its_longest_window_lies_after_the_first_batch() -> None:
    first = {"silver.transactions": date(2026, 1, 1)}
    rule = Rule(1, date(2026, 1, 1), "purchases_7d + purchases_30d")
    assert CATALOGUE.first_date_whole(rule, first) == date(2026, 1, 30)
    assert CATALOGUE.first_date_whole(rule, {}) is None
