"""Pseudonyms meet where people are the same, and their key is never lost unseen."""

from pathlib import Path

import pytest

from jobs import pseudonyms
from jobs.errors import DataError

KEY = b"k" * 32


@pytest.mark.parametrize(
    "written",
    [
        "+86 138 0013 8000",
        "0086 13800138000",
        "138-0013-8000",
        "１３８００１３８０００",
        "tel:+8613800138000",
        "13800138000.0",
    ],
)
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert pseudonyms._phone(written, "phone", "CN", KEY) == pseudonyms._phone(
        "13800138000", "caller_number", "CN", KEY
    )


@pytest.mark.parametrize("written", [
    "anonymous", "withheld", "unknown", "0000", "", "sip:1001@pbx", None, "00000000", "00000000000", "+10000000000",
    "99999999999", "1.3800138E10", "8.613800138E+12",
])  # fmt: skip
def test_a_number_that_names_nobody_is_null(written: str | None) -> None:
    assert pseudonyms._phone(written, "phone", "CN", KEY) == (None, None, None, None)


def test_country_and_area_stand_beside_the_token() -> None:
    assert pseudonyms._phone("+1 415 555 2671", "phone", "CN", KEY)[1:] == ("+14155552671", "US", "415")


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = tmp_path / "secrets/key"
    pseudonyms.ensure_key(key)
    first = key.read_text()
    pseudonyms.ensure_key(key)
    assert key.read_text() == first
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_lost_key_is_not_made_anew_over_old_pseudonyms(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="key"):
        pseudonyms.ensure_key(tmp_path / "key", may_make=False)
