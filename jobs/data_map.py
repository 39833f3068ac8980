"""The data map in docs/privacy.md: which table holds what of a person and for how long, from the declarations."""

import sys
from collections.abc import Iterator

from jobs.settings import ROOT, read_settings
from jobs.tables import TABLES, Table
from jobs.tables.persons import BESIDE, KEPT, Who, has_customers, holds_persons, is_set_aside, names_in

FILE = ROOT / "docs/privacy.md"
BEGIN, END = "<!-- data map: make docs writes it -->", "<!-- end of the data map -->"

CLEAR = "in clear"
STAYS = "stays: keyed tokens alone"


def write(only_check: bool = False) -> int:
    """Writes the map into the document, or says whether it is stale; returns the exit code."""
    text = FILE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = before + "\n".join([BEGIN, *_lines(), END]) + after
    if text == fresh:
        return 0
    if not only_check:
        FILE.write_text(fresh, encoding="utf-8")
        return 0
    sys.stderr.write(
        f"{FILE.relative_to(ROOT)}: the data map is not what jobs/tables/ declares\n  to do:    make docs\n"
    )
    return 1


def _lines() -> Iterator[str]:
    yield "| table | names the person by | holds besides | kept | erasure |"
    yield "| --- | --- | --- | --- | --- |"
    for table in TABLES.values():
        # A feed without customers or agents in clear has nobody to set aside.
        is_of_nobody = table.layer == "quarantine" and not _has_names(table) and not _is_of_agents(table)
        if (holds_persons(table) and not is_of_nobody) or table.name in KEPT or _is_of_agents(table):
            names = [f"`{column}`" for column in _names(table)]
            cells = (f"`{table.name}`", ", ".join(names), ", ".join(_besides(table)), _kept(table), _erasure(table))
            yield f"| {' | '.join(cells)} |"


def _names(table: Table) -> list[str]:
    if is_set_aside(table):
        return ["raw" if table.layer == "vault" else "row"]
    if table.name in KEPT:
        return [column for column in table.column_names if column.endswith("token")]
    return list(names_in(table)) or [column for column in table.column_names if column in ("agent_id", "person_id")]


def _besides(table: Table) -> list[str]:
    """Pseudonyms, texts and values in clear that the row holds next to what names its person."""
    if table.layer == "vault" and table.name not in KEPT:
        return [CLEAR]
    pseudonyms = [column for column in table.column_names if column.endswith("_token") and column not in _names(table)]
    texts = [f"{column.name} (redacted)" for column in table.columns if column.text]
    others = [column for column in table.column_names if column in BESIDE and column.endswith("_uri")]
    return [*pseudonyms, *texts, *others]


def _kept(table: Table) -> str:
    kept = read_settings().keeps(table)
    return f"{kept} days" if kept else "for good"


def _erasure(table: Table) -> str:
    if table.name in KEPT:
        return STAYS
    if _is_of_agents(table):
        return "staff: not reached"
    if is_set_aside(table):
        return (
            "rows that their text or place tells; an empty row stays"
            if table.layer == "quarantine"
            else "as its row in quarantine"
        )
    by_things = [who.value for who in dict.fromkeys(names_in(table).values()) if who is not Who.CUSTOMER]
    customers = Who.CUSTOMER in names_in(table).values()
    told = "rows of the customer" if customers else f"rows of their {', '.join(by_things)}"
    return f"{told}, else of their {', '.join(by_things)}" if customers and by_things else told


def _has_names(table: Table) -> bool:
    """Whether the feed whose rows are set aside names a customer or a thing of theirs."""
    return table.feed is not None and bool(names_in(TABLES[f"bronze.{table.feed.name}"]))


def _is_of_agents(table: Table) -> bool:
    return table.feed is not None and not has_customers(table) and not _has_names(table) and bool(table.feed.personal)
