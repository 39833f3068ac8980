"""The door for rows of erased persons: they are set aside without their content, and never come back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from jobs.lake import Lake
from jobs.pseudonyms import keyed_token, number_in_e164, token_of_number
from jobs.settings import Settings
from jobs.tables import TABLES, Feed
from jobs.tables.landed import ERASED, ERASED_PERSON
from jobs.tables.persons import OPT_OUTS, OWNERS, Who, names_in

ROW, NUMBER = "row", "number"
"""What of a row is erased: all of it, or the clear value of its number alone."""

Erased = dict[str, frozenset[str]]
"""Tokens by what they stand for."""

WORDS = (r"[^\s,;|\"'{}\[\]]+", r"[^\s,;|\"'{}\[\]:=]+")
"""What may be an identifier in the text of a row that could not be read; it may hold a colon, or follow one."""

_BETWEEN_DIGITS = re.compile(r"(?<=[\d)])[ ().\-/]{1,3}(?=\d)|(?<=\d) ?\(")
"""What people set between the digits of a number of a telephone."""


def without_erased(rows: DataFrame, lake: Lake, feed: Feed, settings: Settings) -> DataFrame:
    """The rows behind the door; those of erased persons with that reason and nothing else of them.

    `rows` are lake columns, clear values, and what quarantine shows. Costs a look for the table as long as nobody was
    ever erased, and a keyed hash per customer from then on.
    """
    if not lake.exists(ERASED):
        return rows
    rule = _rule(feed, settings.configuration.default_country)
    if not rule.names:
        return rows
    finds = _finder(rule, str(settings.key_file), lake.path(ERASED))
    text = F.when(F.col("_reason").isNotNull(), F.col("raw"))
    marked = rows.withColumn("_erased", finds(text, *rule.names))
    is_row = F.col("_erased").eqNullSafe(ROW)
    nothing = {name: F.when(~is_row, F.col(name)) for name in ("_column", "row", "raw")}
    clear = [f"clear_{column.name}" for column in feed.personal]
    unknown = {name: F.when(F.col("_erased").isNull(), F.col(name)) for name in clear}
    reason = F.when(is_row, F.lit(ERASED_PERSON)).otherwise(F.col("_reason"))
    return marked.withColumns({**nothing, **unknown, "_reason": reason}).drop("_erased")


def words(text: str) -> set[str]:
    """All that may be an identifier in such a text."""
    joined = _BETWEEN_DIGITS.sub("", text)
    return {word for each in {text, joined} for pattern in WORDS for word in re.findall(pattern, each)}


@dataclass(frozen=True)
class _Rule:
    """How a feed's rows name a person: by which columns, and which of them is the thing that the feed owns."""

    names: dict[str, Who]
    owned: Who | None
    number_lands: bool
    country: str


def _rule(feed: Feed, country: str) -> _Rule:
    found = names_in(TABLES[f"bronze.{feed.name}"])
    if found:
        found |= {column.token_name: Who.NUMBER for column in feed.personal if column.is_number_of_a_phone}
    owned = next((who for who, name in OWNERS.items() if name == feed.name), None)
    return _Rule(found, owned, number_lands=feed.name == OPT_OUTS, country=country)


def _finder(rule: _Rule, key_file: str, erased: str) -> Callable[..., Any]:
    """A function of the text of a broken row and of the columns that name somebody: ROW, NUMBER or null."""

    @F.pandas_udf(StringType())  # type: ignore[call-overload]
    def find(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.Series]:
        known = _known(erased)
        for texts, *columns in batches:
            rows = zip(texts, *columns, strict=True)
            yield pd.Series([_found(text, values, rule, known, key_file) for text, *values in rows], dtype="object")

    return find


def _found(text: str | None, values: list[str | None], rule: _Rule, known: Erased, key_file: str) -> str | None:
    given = [(who, value) for who, value in zip(rule.names.values(), values, strict=True) if value is not None]
    customer = next((value for who, value in given if who is Who.CUSTOMER), None)
    # A row of another customer is erased only where it is an older version of the erased person's own thing.
    things = [(who, value) for who, value in given if customer is None or who in (Who.CUSTOMER, rule.owned)]
    for who, value in things:
        # Numbers have become pseudonyms already.
        if (value if who is Who.NUMBER else keyed_token(who, value, key_file)) in known.get(who, ()):
            return NUMBER if who is Who.NUMBER and rule.number_lands else ROW
    if text is not None and customer is None and any(_is_known(word, known, rule, key_file) for word in words(text)):
        return ROW
    return None


def _is_known(word: str, known: Erased, rule: _Rule, key_file: str) -> bool:
    things = {who: tokens for who, tokens in known.items() if who not in (Who.NUMBER, Who.NAME)}
    named = any(keyed_token(who, word, key_file) in tokens for who, tokens in things.items())
    number = number_in_e164(word, rule.country) if not named and Who.NUMBER in known else None
    return named or (number is not None and token_of_number(number, key_file) in known[Who.NUMBER])


def _known(erased: str) -> Erased:
    # The table's version in the cache key: a worker outlives a night.
    from deltalake import DeltaTable

    return _known_at(erased, DeltaTable(erased).version())


@lru_cache(maxsize=1)
def _known_at(erased: str, version: int) -> Erased:
    from deltalake import DeltaTable

    stored = DeltaTable(erased, version=version).to_pyarrow_table(columns=["kind", "token"])
    known: dict[str, set[str]] = {}
    for kind, token in zip(stored["kind"].to_pylist(), stored["token"].to_pylist(), strict=True):
        known.setdefault(kind, set()).add(token)
    return {kind: frozenset(tokens) for kind, tokens in known.items()}
