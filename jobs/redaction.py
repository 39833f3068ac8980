"""Redaction of free text: numbers, addresses and known names give way; runs in Spark's Python workers."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from jobs.known_names import NamesAndErased, names_of_customers, with_erased
from jobs.person_names import SPACED_WORD, UNSPACED_RUN, folded

LONGEST_WORDS, LONGEST_CHARACTERS = 8, 16
"""Of a name that is looked for in a text: words, or characters where no space is set."""

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


def _unshown_signs() -> str:
    """Signs of format, which no reader sees: joiners, marks of direction, tags."""
    places = (*range(0x80, _LAST_DIGIT + 1), *range(0xE0000, 0xE0080))
    return "".join(chr(place) for place in places if unicodedata.category(chr(place)) == "Cf")


_PLAIN_SIGNS = _plain_signs()
_UNSHOWN = re.compile(f"[{_unshown_signs()}]")
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
    ("[card]", re.compile(r"(?<!\d)[3-6]\d{3}(?:[ \-‐]{0,3}\d{4}){3}[ \-‐]{1,3}\d{3}(?!\d)")),
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


def redacted(names_of: str | None, erased: str | None = None, key_file: str = "") -> Callable[..., Any]:
    """A function of (text, ds): the text without numbers, e-mail addresses and the names of known customers.

    `names_of` is the path of vault.customers; names count from the batch that brought them, so that a batch
    is redacted alike whenever it is landed. `erased` is that of vault.erased, whose names are known by keyed tokens.
    """

    @F.pandas_udf(StringType())  # type: ignore[call-overload]
    def redact(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        names = names_of_customers(names_of) if names_of else {}
        names = with_erased(names, erased, key_file) if erased else names
        for texts, days in batches:
            pairs = zip(texts, days, strict=True)
            yield pd.Series([redact_text(text, names, str(day)) for text, day in pairs], dtype="object")

    return redact


def redact_text(text: str | None, names: dict[str, str], day: str) -> str | None:
    """One text without personal data; JSON stays JSON. `names` maps a name to the first batch that brought it."""
    if text is None:
        return None
    text = unicodedata.normalize("NFC", text)
    return _in_each(
        text, lambda each: _seen_through(each, lambda seen: _without_names(_without_numbers(seen), names, day))
    )


def without_names(text: str, forms: Iterable[str], label: str) -> str:
    """The text with the label in place of names in these forms, which are found as at the door."""
    names = dict.fromkeys(forms, "")
    return _in_each(text, lambda each: _seen_through(each, lambda seen: _without_names(seen, names, "", label)))


def scrub(message: str) -> str:
    """A message of another program without numbers and addresses that may be personal."""
    return _without_numbers(message)


def _seen_through(text: str, clean: Callable[[str], str]) -> str:
    """The text cleaned; signs that nobody sees are gone from it where they would have hidden something."""
    shown = _UNSHOWN.sub("", text)
    return clean(text) if shown == text or clean(shown) == shown else clean(shown)


def _in_each(text: str, clean: Callable[[str], str]) -> str:
    """The text cleaned; of JSON each key and value for itself."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.dumps(_walk(json.loads(text), clean), ensure_ascii=False)
        except (ValueError, RecursionError):
            # No JSON, or nested deeper than anything that means something: then it is a text like any other.
            pass
    return clean(text)


def _walk(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {_walk(key, clean): _walk(inner, clean) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner, clean) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        plain = _without_numbers(str(value))
        return value if plain == str(value) else plain
    return clean(value)


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


def _without_names(text: str, names: dict[str, str], day: str, label: str = "[name]") -> str:
    if not names:
        return text
    spans = [*_spaced_spans(text, names, day), *_unspaced_spans(text, names, day)]
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{label}{text[end:]}"
    return names.without_customers(text) if isinstance(names, NamesAndErased) else text


def _spaced_spans(text: str, names: dict[str, str], day: str) -> Iterator[tuple[int, int]]:
    words = [*SPACED_WORD.finditer(text)]
    normal = [folded(match.group()) for match in words]
    i = 0
    while i < len(words):
        for length in range(min(LONGEST_WORDS, len(words) - i), 0, -1):
            if names.get(" ".join(normal[i : i + length]), "9999") <= day:
                yield words[i].start(), words[i + length - 1].end()
                i += length - 1
                break
        i += 1


def _unspaced_spans(text: str, names: dict[str, str], day: str) -> Iterator[tuple[int, int]]:
    for run in UNSPACED_RUN.finditer(text):
        places = [place for place in range(run.start(), run.end()) if text[place] not in "·・ \u3000"]
        characters = "".join(text[place] for place in places)
        i = 0
        while i < len(characters):
            for length in range(min(LONGEST_CHARACTERS, len(characters) - i), 1, -1):
                if names.get(characters[i : i + length], "9999") <= day:
                    yield places[i], places[i + length - 1] + 1
                    i += length - 1
                    break
            i += 1
