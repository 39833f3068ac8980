"""Pseudonyms for personal columns and redaction of free text; runs in Spark's Python workers."""

import hmac
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import phonenumbers
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from jobs.errors import DataError
from jobs.tables.contract import Column
from jobs.whole_files import write_through

KEY_BYTES = 32
KEY_MODE = 0o600
PSEUDONYM = StructType([StructField(name, StringType()) for name in ("token", "value", "phone_country", "phone_area")])

_LAST_DIGIT = 0x1FFFF
"""No digit, dash or space of Unicode lies beyond."""


def _plain_signs() -> dict[int, str]:
    """Digits, dashes and spaces of all scripts, and what else stands in numbers, each as one sign.

    Dashes become ‐, as a word that ends at one is no identifier that goes on, as it is at the - of a keyboard.
    """
    plain = dict(zip(map(ord, "＋－（）＠．"), "+-()@.", strict=True))
    for place in set(range(0x80, _LAST_DIGIT + 1)) - set(plain):
        category = unicodedata.category(chr(place))
        if category == "Nd":
            plain[place] = str(unicodedata.digit(chr(place)))
        elif category in ("Pd", "Zs"):
            plain[place] = "‐" if category == "Pd" else " "
    return plain


_PLAIN_SIGNS = _plain_signs()
_DIGIT_OR_AT = re.compile("[0-9@]")
# Letters of scripts that set spaces; of the others the words around an address would be taken for a part of it.
_OF_ADDRESSES = r"A-Za-z0-9\u00c0-\u0dff\u1e00-\u1fff"
# A number ends where no word goes on, or with an extension.
_END = r"(?: ?(?i:x|ext\.?) ?\d{1,6})?(?![A-Za-z0-9_])"
# Forms that nothing else has are redacted wherever they stand; other runs of digits only as words of their own,
# so that identifiers such as C20260101-00012 survive. Each looks a bounded way ahead: what a source sends may be long.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("[email]", re.compile(rf"[{_OF_ADDRESSES}._%+\-]{{1,64}}@[{_OF_ADDRESSES}\-]+(?:\.[{_OF_ADDRESSES}\-]+)+")),
    ("[id]", re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\d)")),
    ("[card]", re.compile(r"(?<!\d)[3-6]\d{3}[ \-‐]{0,3}\d{4}[ \-‐]{0,3}\d{4}[ \-‐]{0,3}\d{1,7}(?!\d)")),
    ("[card]", re.compile(r"(?<!\d)3[47]\d{2}[ \-‐]{0,3}\d{6}[ \-‐]{0,3}\d{5}(?!\d)")),
    ("[phone]", re.compile(r"(?<!\d)(?:(?:\+|00)?86[ \-‐]{0,3})?1[3-9]\d(?:[ \-‐]{0,3}\d{4}){2}(?!\d)")),
    ("[phone]", re.compile(r"(?<![\w+])\+\d(?:[ \-‐.()/]{0,3}\d){6,14}(?!\d)", re.ASCII)),
    ("[id]", re.compile(r"(?<![\w\-])\d{3} ?[\-‐] ?\d{2} ?[\-‐] ?\d{4}(?![\w\-])", re.ASCII)),
    # Two amounts with a dash between them are no number of a phone; three groups that make ten digits are.
    ("[number]", re.compile(r"(?<![A-Za-z0-9_\-.])(?=\(?(?:\d(?:\)? [\-‐] )?){10})"
                            rf"\(?\d{{1,4}}\)?(?: [\-‐] \d{{2,4}}){{2,9}}{_END}", re.ASCII)),
    ("[number]", re.compile(rf"(?<![A-Za-z0-9_\-.])\(?\d(?:[ \-‐.()/]{{0,2}}\d){{6,18}}{_END}", re.ASCII)),
)  # fmt: skip
_DATE_OR_AMOUNT = re.compile(
    r"\d{4} ?[-‐/.] ?\d{1,2} ?[-‐/.] ?\d{1,2}(?:[ T]\d{1,2}(?![\d\-‐]))?|\d{1,2} ?[-‐/.] ?\d{1,2} ?[-‐/.] ?\d{4}"
    r"|\d+\.\d{1,2}$"
)
# Scripts that set no space between a name and the words around it: kana, Chinese, Hangul.
_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_SPACED_WORD = re.compile(rf"[^\W\d_{_UNSPACED}]+(?:['’\-][^\W\d_{_UNSPACED}]{{2,}})*")
_WORD = re.compile(rf"{_SPACED_WORD.pattern}|[{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}·・]+")
ERASED_NAME = "erased name"
"""Kind of the tokens by which names of erased persons are known: none of the lake's pseudonyms is alike."""
ERASED_LABEL = "[erased]"
# An identifier has a digit; without that bound each word of each text would be hashed.
_IDENTIFIER = re.compile(r"[\w\-]*\d[\w\-]*", re.ASCII)
LONGEST_WORDS, LONGEST_CHARACTERS = 8, 16
"""Of a name that is looked for in a text: words, or characters where no space is set."""


def ensure_key(key_file: Path, may_make: bool = True) -> None:
    """Makes the key of the pseudonyms on first use, readable by its owner alone.

    Raises:
        DataError: there is none, or a short one, where one was used before (`may_make` is false).
    """
    if key_file.exists() or not may_make:
        _key(str(key_file))
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


def keyed_token(kind: str, value: str, key_file: str) -> str:
    """The keyed pseudonym of an identifier, such as a customer's, that stands in the lake in clear."""
    return _token(kind, value, _key(key_file))


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
        key = _key(key_file)
        for values in batches:
            made = [work(value, name, country, key) for value in values]
            yield pd.DataFrame(made, columns=PSEUDONYM.names, dtype="object")

    return pseudonym


def redacted(names_of: str | None, erased: str | None = None, key_file: str = "") -> Callable[..., Any]:
    """A function of (text, ds): the text without numbers, e-mail addresses and the names of known customers.

    `names_of` is the path of vault.customers; names count from the batch that brought them, so that a batch
    is redacted alike whenever it is landed. `erased` is that of vault.erased, whose names are known by keyed tokens.
    """

    @F.pandas_udf(StringType())  # type: ignore[call-overload]
    def redact(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        names = _names(names_of) if names_of else {}
        names = _with_erased(names, erased, key_file) if erased else names
        for texts, days in batches:
            pairs = zip(texts, days, strict=True)
            yield pd.Series([redact_text(text, names, str(day)) for text, day in pairs], dtype="object")

    return redact


def redact_text(text: str | None, names: dict[str, str], day: str) -> str | None:
    """One text without personal data; JSON stays JSON. `names` maps a name to the first batch that brought it."""
    if text is None:
        return None
    text = unicodedata.normalize("NFC", text)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.dumps(_walk(json.loads(text), names, day), ensure_ascii=False)
        except (ValueError, RecursionError):
            # No JSON, or nested deeper than anything that means something: then it is a text like any other.
            pass
    return _without_names(_without_numbers(text), names, day)


def scrub(message: str) -> str:
    """A message of another program without numbers and addresses that may be personal."""
    return _without_numbers(message)


def normal_name(name: str) -> str:
    """The form in which equal names meet: NFKC, lower case, words alone."""
    words = _WORD.findall(_folded(name))
    is_spaced = any(_SPACED_WORD.match(word) for word in words)
    return (" " if is_spaced else "").join(words)


def name_forms(name: str) -> set[str]:
    """The forms in which a name is looked for in texts: as it is, and with its words the other way round."""
    normal = normal_name(name)
    return {normal, " ".join(reversed(normal.split()))}


def name_length(form: str) -> int:
    """The words of a name in its normal form, or its characters where no space is set."""
    return len(form.split()) if _SPACED_WORD.match(form) else len(form)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def _plain(value: str | None, column: str, country: str, key: bytes) -> tuple[str | None, ...]:
    if value is None or not value.strip():
        return (None, None, None, None)
    shown = " ".join(unicodedata.normalize("NFKC", value).split())
    same = normal_name(shown) or shown if column == "name" else shown.replace(" ", "").casefold()
    return (_token(column, same, key), shown, None, None)


def _phone(value: str | None, column: str, country: str, key: bytes) -> tuple[str | None, ...]:
    e164, region, area = _number(value, country) if value else (None, None, None)
    if e164 is None:
        return (None, None, None, None)
    # Callers and customers share the kind, so that a call meets its customer.
    return (_token("phone", e164, key), e164, region, area)


@lru_cache(maxsize=500_000)
def _number(value: str, country: str) -> tuple[str | None, str | None, str | None]:
    text = unicodedata.normalize("NFKC", value).strip()
    text = re.sub(r"^(tel|sip|sips):", "", text, flags=re.IGNORECASE).split("@")[0]
    for attempt in (text, f"+{text[2:]}" if text.startswith("00") else None):
        if attempt is None:
            continue
        try:
            number = phonenumbers.parse(attempt, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return e164, phonenumbers.region_code_for_number(number), _area(number)
    return None, None, None


def _area(number: phonenumbers.PhoneNumber) -> str | None:
    length = phonenumbers.length_of_geographical_area_code(number)
    return phonenumbers.national_significant_number(number)[:length] or None


def _token(kind: str, value: str, key: bytes) -> str:
    return hmac.digest(key, f"{kind}:{value}".encode(), "sha256").hex()


@lru_cache(maxsize=4)
def _key(key_file: str) -> bytes:
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


def _walk(value: Any, names: dict[str, str], day: str) -> Any:
    if isinstance(value, dict):
        return {_walk(key, names, day): _walk(inner, names, day) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner, names, day) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        plain = _without_numbers(str(value))
        return value if plain == str(value) else plain
    return _without_names(_without_numbers(value), names, day)


def _without_numbers(text: str) -> str:
    # Both are as long as each other, so that what is found in one stands there in the other too.
    plain = text.translate(_PLAIN_SIGNS)
    if _DIGIT_OR_AT.search(plain) is None:
        return text
    for label, pattern in _PATTERNS:
        found = [_labelled(label, match) for match in pattern.finditer(plain)]
        if found:
            text, plain = _replaced(text, found), _replaced(plain, found)
    return text


def _labelled(label: str, match: re.Match[str]) -> tuple[int, int, str | None]:
    """From where to where a label takes the place of what was found; None: of what is found in that place alone."""
    found = match.group()
    kept = _DATE_OR_AMOUNT.match(found) if label == "[number]" else None
    if kept is None:
        return match.start(), match.end(), label
    # A number that follows a date is in the same run of digits.
    number = found[kept.end() :].lstrip(" -‐.()/")
    return match.end() - len(number), match.end(), None


def _replaced(text: str, found: list[tuple[int, int, str | None]]) -> str:
    parts, place = [], 0
    for start, end, label in found:
        parts += [text[place:start], _without_numbers(text[start:end]) if label is None else label]
        place = end
    return "".join([*parts, text[place:]])


def _without_names(text: str, names: dict[str, str], day: str) -> str:
    if not names:
        return text
    spans = [*_spaced_spans(text, names, day), *_unspaced_spans(text, names, day)]
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}[name]{text[end:]}"
    return names.without_customers(text) if isinstance(names, _NamesAndErased) else text


def _spaced_spans(text: str, names: dict[str, str], day: str) -> Iterator[tuple[int, int]]:
    words = [*_SPACED_WORD.finditer(text)]
    normal = [_folded(match.group()) for match in words]
    i = 0
    while i < len(words):
        for length in range(min(LONGEST_WORDS, len(words) - i), 0, -1):
            if names.get(" ".join(normal[i : i + length]), "9999") <= day:
                yield words[i].start(), words[i + length - 1].end()
                i += length - 1
                break
        i += 1


def _unspaced_spans(text: str, names: dict[str, str], day: str) -> Iterator[tuple[int, int]]:
    for run in _UNSPACED_RUN.finditer(text):
        places = [place for place in range(run.start(), run.end()) if text[place] not in "·・"]
        characters = "".join(text[place] for place in places)
        i = 0
        while i < len(characters):
            for length in range(min(LONGEST_CHARACTERS, len(characters) - i), 1, -1):
                if names.get(characters[i : i + length], "9999") <= day:
                    yield places[i], places[i + length - 1] + 1
                    i += length - 1
                    break
            i += 1


def _names(vault: str) -> dict[str, str]:
    # The table's version in the cache key: a worker outlives a night.
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(vault):
        return {}
    return _names_at(vault, DeltaTable(vault).version())


@lru_cache(maxsize=1)
def _names_at(vault: str, version: int) -> dict[str, str]:
    from deltalake import DeltaTable

    table = DeltaTable(vault, version=version).to_pyarrow_table(
        columns=["value", "known_on"], filters=[("personal_column", "=", "name")]
    )
    names: dict[str, str] = {}
    for name, known_on in zip(table["value"].to_pylist(), table["known_on"].to_pylist(), strict=True):
        for form in name_forms(name):
            names[form] = min(names.get(form, "9999"), str(known_on))
    return names


class _NamesAndErased(dict[str, str]):
    """Names, and erased persons, who are known by keyed tokens and the lengths of their names alone."""

    def __init__(self, names: dict[str, str], erased: "_Erased", key: bytes) -> None:
        super().__init__(names)
        self.erased, self.key = erased, key

    def __bool__(self) -> bool:
        return True

    def get(self, form: str, default: Any = None) -> Any:
        """The first batch that brought the name; an erased one is known in all batches."""
        tokens = self.erased.names.get(name_length(form), frozenset())
        if tokens and form not in self and _token(ERASED_NAME, form, self.key) in tokens:
            return ""
        return super().get(form, default)

    def without_customers(self, text: str) -> str:
        """The text without identifiers of erased customers, as an erasure leaves it."""
        return _IDENTIFIER.sub(self._shown, text)

    def _shown(self, match: re.Match[str]) -> str:
        is_erased = _token("customer", match.group(), self.key) in self.erased.customers
        return ERASED_LABEL if is_erased else match.group()


class _Erased(NamedTuple):
    """Tokens of names by their length, and of customers."""

    names: dict[int, frozenset[str]]
    customers: frozenset[str]


def _with_erased(names: dict[str, str], erased: str, key_file: str) -> dict[str, str]:
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(erased):
        return names
    return _NamesAndErased(names, _erased_at(erased, DeltaTable(erased).version()), _key(key_file))


@lru_cache(maxsize=1)
def _erased_at(erased: str, version: int) -> _Erased:
    from deltalake import DeltaTable

    rows = DeltaTable(erased, version=version).to_pyarrow_table(columns=["kind", "token", "length"]).to_pylist()
    names: dict[int, set[str]] = {}
    for row in rows:
        if row["kind"] == "name":
            names.setdefault(row["length"], set()).add(row["token"])
    customers = frozenset(row["token"] for row in rows if row["kind"] == "customer")
    return _Erased({length: frozenset(tokens) for length, tokens in names.items()}, customers)
