"""Pseudonyms of personal columns, and the key by which they are made; runs in Spark's Python workers."""

import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import phonenumbers
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from jobs.errors import DataError
from jobs.person_names import normal_name
from jobs.tables.contract import Column
from jobs.whole_files import write_through

KEY_BYTES = 32
KEY_MODE = 0o600
PSEUDONYM = StructType([StructField(name, StringType()) for name in ("token", "value", "phone_country", "phone_area")])


def ensure_key(key_file: Path, may_make: bool = True) -> None:
    """Makes the key of the pseudonyms on first use, readable by its owner alone.

    Raises:
        DataError: there is none, or a short one, where one was used before (`may_make` is false).
    """
    if key_file.exists() or not may_make:
        read_key(str(key_file))
        return
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written aside and linked into place: a killed or a second process never leaves half a key or another one.
    aside = key_file.with_name(f".{key_file.name}.{os.getpid()}")
    try:
        write_through(aside, secrets.token_hex(KEY_BYTES).encode(), KEY_MODE)
        key_file.hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)


@lru_cache(maxsize=4)
def read_key(key_file: str) -> bytes:
    """The key of the pseudonyms.

    Raises:
        DataError: there is none, or a short one.
    """
    try:
        key = Path(key_file).read_bytes().strip()
    except OSError:
        key = b""
    if len(key) < KEY_BYTES:
        raise DataError(
            "the key of the pseudonyms",
            expected=f"a readable file of at least {KEY_BYTES} bytes",
            found="no such file, or a shorter one",
            todo="restore the file that ECHOLAKE_PII_KEY_FILE names from its backup; a new key breaks every match",
        )
    return key


def keyed_token(kind: str, value: str, key_file: str) -> str:
    """The keyed pseudonym of an identifier, such as a customer's, that stands in the lake in clear."""
    return token_with_key(kind, value, read_key(key_file))


def token_with_key(kind: str, value: str, key: bytes) -> str:
    """The same by a key that was read, for whoever makes many."""
    return hmac.digest(key, f"{kind}:{value}".encode(), "sha256").hex()


def token_of_number(e164: str, key_file: str) -> str:
    """The pseudonym of a phone number in E.164."""
    # Callers and customers share the kind, so that a call meets its customer.
    return keyed_token("phone", e164, key_file)


def number_in_e164(value: str, country: str) -> str | None:
    """A phone number in E.164, None where it is none."""
    return _number(value, country)[0]


def pseudonyms(column: Column, key_file: str, country: str) -> Callable[..., Any]:
    """A function of a personal column: struct of token, value (numbers in E.164), phone_country, phone_area."""
    # Only the path of the key travels in the plan, never the key.
    work, name = _phone if column.is_number_of_a_phone else _plain, column.name

    @F.pandas_udf(PSEUDONYM)  # type: ignore[call-overload]
    def pseudonym(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        key = read_key(key_file)
        for values in batches:
            made = [work(value, name, country, key) for value in values]
            yield pd.DataFrame(made, columns=PSEUDONYM.names, dtype="object")

    return pseudonym


def _plain(value: str | None, column: str, country: str, key: bytes) -> tuple[str | None, ...]:
    if value is None or not value.strip():
        return (None, None, None, None)
    shown = " ".join(unicodedata.normalize("NFKC", value).split())
    same = normal_name(shown) or shown if column == "name" else shown.replace(" ", "").casefold()
    return (token_with_key(column, same, key), shown, None, None)


def _phone(value: str | None, column: str, country: str, key: bytes) -> tuple[str | None, ...]:
    e164, region, area = _number(value, country) if value else (None, None, None)
    if e164 is None:
        return (None, None, None, None)
    # Callers and customers share the kind, so that a call meets its customer.
    return (token_with_key("phone", e164, key), e164, region, area)


@lru_cache(maxsize=500_000)
def _number(value: str, country: str) -> tuple[str | None, str | None, str | None]:
    text = unicodedata.normalize("NFKC", value).strip()
    text = re.sub(r"^(tel|sip|sips):", "", text, flags=re.IGNORECASE).split("@")[0]
    # As spreadsheets write numbers; in powers of ten the last digits may be lost.
    text = re.sub(r"^(\d+)\.0+$", r"\1", text)
    if re.fullmatch(r"\d+(\.\d+)?e[+-]?\d+", text, flags=re.IGNORECASE):
        return None, None, None
    for attempt in (text, f"+{text[2:]}" if text.startswith("00") else None):
        if attempt is None:
            continue
        try:
            number = phonenumbers.parse(attempt, country)
        except phonenumbers.NumberParseException:
            continue
        # One digit throughout (00000000, 99999999999) is what systems write for a number that they do not tell.
        if phonenumbers.is_possible_number(number) and len(set(str(number.national_number))) > 1:
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return e164, phonenumbers.region_code_for_number(number), _area(number)
    return None, None, None


def _area(number: phonenumbers.PhoneNumber) -> str | None:
    length = phonenumbers.length_of_geographical_area_code(number)
    return phonenumbers.national_significant_number(number)[:length] or None
