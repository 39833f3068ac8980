"""A contact in clear: for who may, with a reason, and never without a trace."""

import pytest

from jobs.errors import DataError
from jobs.rights.reveal import reveal
from jobs.rights.roles import Access, Role
from jobs.settings import Settings
from tests.rights.conftest import ANNA, BEN, OWN, SmallLake

SERVICE = Access("service", Role(tables=("*",), may_reveal=("phone", "email")))
LOOKS = ("by", "role", "customer_token", "column", "reason")


def test_a_look_is_written_down_by_token_before_the_value_is_shown(lake: SmallLake, settings: Settings) -> None:
    assert reveal(settings, SERVICE, ANNA, "phone", f"{ANNA} asked for a call", "Ada") == OWN
    token = lake.token("customer", ANNA)
    assert lake.rows("ops.pii_access", *LOOKS) == [("Ada", "service", token, "phone", "[customer] asked for a call")]


def test_a_look_at_a_value_that_is_not_there_is_written_down_too(lake: SmallLake, settings: Settings) -> None:
    with pytest.raises(DataError, match="no email"):
        reveal(settings, SERVICE, ANNA, "email", "asked for a letter", "Ada")
    assert [row[3] for row in lake.rows("ops.pii_access", *LOOKS)] == ["email"]


def test_a_reason_names_nobody(lake: SmallLake, settings: Settings) -> None:
    reveal(settings, SERVICE, BEN, "phone", "his wife Anna Lee asked for it at +8613800138000", "Ada")
    assert [row[4] for row in lake.rows("ops.pii_access", *LOOKS)] == ["his wife [name] asked for it at [phone]"]


@pytest.mark.parametrize(
    ("column", "reason", "by", "match"),
    [("name", "why not", "Ada", "a role that may"), ("phone", " ", "Ada", "blank"), ("phone", "why not", "", "blank")],
)
def test_who_may_not_or_gives_no_reason_sees_nothing(
    lake: SmallLake, settings: Settings, column: str, reason: str, by: str, match: str
) -> None:
    with pytest.raises(DataError, match=match):
        reveal(settings, SERVICE, ANNA, column, reason, by)
    assert lake.rows("ops.pii_access", *LOOKS) == []
