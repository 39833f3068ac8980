"""Names that texts lose: of customers, which stand in the vault, and of erased persons, of which tokens alone do."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from jobs.person_names import name_forms, name_length
from jobs.pseudonyms import read_key, token_with_key

ERASED_NAME = "erased name"
"""Kind of the tokens by which names of erased persons are known: none of the lake's pseudonyms is alike."""
ERASED_LABEL = "[erased]"
# An identifier has a digit; without that bound each word of each text would be hashed.
_IDENTIFIER = re.compile(r"[\w\-]*\d[\w\-]*", re.ASCII)


def names_of_customers(vault: str) -> dict[str, str]:
    """Names in vault.customers at this path, in all their forms, with the first batch that brought each."""
    # The table's version in the cache key: a worker outlives a night.
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(vault):
        return {}
    return _names_at(vault, DeltaTable(vault).version())


def with_erased(names: dict[str, str], erased: str, key_file: str) -> dict[str, str]:
    """The names, and those of the persons in vault.erased at this path."""
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(erased):
        return names
    return NamesAndErased(names, _erased_at(erased, DeltaTable(erased).version()), read_key(key_file))


class NamesAndErased(dict[str, str]):
    """Names, and erased persons, who are known by keyed tokens and the lengths of their names alone."""

    def __init__(self, names: dict[str, str], erased: "_Erased", key: bytes) -> None:
        super().__init__(names)
        self.erased, self.key = erased, key

    def __bool__(self) -> bool:
        return True

    def get(self, form: str, default: Any = None) -> Any:
        """The first batch that brought the name; an erased one is known in all batches."""
        tokens = self.erased.names.get(name_length(form), frozenset())
        if tokens and form not in self and token_with_key(ERASED_NAME, form, self.key) in tokens:
            return ""
        return super().get(form, default)

    def without_customers(self, text: str) -> str:
        """The text without identifiers of erased customers, as an erasure leaves it."""
        return _IDENTIFIER.sub(self._shown, text)

    def _shown(self, match: re.Match[str]) -> str:
        is_erased = token_with_key("customer", match.group(), self.key) in self.erased.customers
        return ERASED_LABEL if is_erased else match.group()


class _Erased(NamedTuple):
    """Tokens of names by their length, and of customers."""

    names: dict[int, frozenset[str]]
    customers: frozenset[str]


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
