"""docs/data_dictionary.md: every table and column of the lake, written from the declarations."""

import sys
from collections.abc import Iterator

from jobs.settings import ROOT
from jobs.tables import TABLES, Column, Kind, Table
from jobs.tables.tags import CATALOGUE, Tag

FILE = ROOT / "docs/data_dictionary.md"

LAYERS = {
    "bronze": "What each batch of a feed brought, typed, with personal data replaced.",
    "silver": "One clean row per thing, and how things were known on a past date.",
    "features": "What is known of each customer at the end of a date, for tags and models alike.",
    "gold": "One table per business question.",
    "quarantine": "Rows that the door set aside, with the reason.",
    "vault": "The only place with personal data in clear. `make sql` leaves it out.",
    "ops": "What came in, what ran, which dates are complete.",
}

NIGHTS = {
    Kind.LANDED: "The night of D puts the batch of D in place of what stood there for D.",
    Kind.KEYED: "A night changes the keys that its batches brought or took back, and no others.",
    Kind.WINDOW: "A night makes the rows anew of callers of whom a call changed, and flags whose window passed.",
    Kind.DAILY: "A night makes the days anew of which an input changed.",
    Kind.AS_OF: "The night of D writes the rows of D from what had arrived by D, and no others.",
    Kind.HISTORY: "The night of D ends and begins periods at D; an older night leaves it as it is.",
    Kind.SNAPSHOT: "A night makes anew what may still change; an older night leaves it as it is.",
    Kind.DERIVED: "A night makes anew what hangs on the rows of the inputs that changed.",
    Kind.RECORD: "Written along with other tables.",
}

HEAD = """\
# Data dictionary

Written by `make docs` from `jobs/tables/`; a test fails when it is stale. Do not edit it by hand.

Times are UTC. Dates named `day`, `event_date`, `ds`, `known_on` or `superseded_on` are business dates.
A required column is never null. `decimal` columns are exact, `double` ones are not.
"""


def write(only_check: bool = False) -> int:
    """Writes the dictionary, or says whether it is stale; returns the exit code."""
    text = "\n".join(_lines())
    if not only_check:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(
        f"{FILE.relative_to(ROOT)} is not what jobs/tables/ declares\n"
        "  to do:    make docs, and commit it with the declarations\n"
    )
    return 1


def _lines() -> Iterator[str]:
    yield HEAD
    for layer, about in LAYERS.items():
        tables = [table for table in TABLES.values() if table.layer == layer]
        yield f"## {layer}\n"
        yield f"{about}\n"
        yield from (f"- [`{table.name}`](#{_anchor(table)})" for table in tables)
        yield ""
        # Tables of a layer with the same columns, such as quarantine's, list them once.
        shown: dict[tuple[Column, ...], Table] = {}
        for table in tables:
            yield from _table(table, shown.get(table.columns))
            shown.setdefault(table.columns, table)
    yield from _tags()


def _tags() -> Iterator[str]:
    yield "## Tags\n"
    yield (
        "What `gold.customer_tags` says of a customer, and `gold.customer_portraits` in a column each. A window ends "
        "with the date itself: 7d are that date and the six before it. Who may see a tag: internal = everyone, "
        "confidential = who works with customers, restricted = who needs it for its purpose, hidden = no agent.\n"
    )
    for group in dict.fromkeys(tag.group for tag in CATALOGUE.tags.values()):
        yield f"### Tags: {group}\n"
        yield "| tag | meaning | no value | for | who may see it | owner | rule | made of |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        yield from (_tag(tag) for tag in CATALOGUE.tags.values() if tag.group == group)
        yield ""


def _tag(tag: Tag) -> str:
    rule = tag.rules[0]
    values = f" ({', '.join(rule.bands)})" if rule.bands else ""
    cells = (
        f"`{tag.name}`",
        f"{tag.meaning}{values}",
        tag.null,
        tag.purpose,
        tag.sensitivity,
        tag.owner,
        f"{rule.version} since {rule.since}",
        _names([measure.name for measure in CATALOGUE.measures_of(rule)]),
    )
    return f"| {' | '.join(cells)} |"


def _table(table: Table, alike: Table | None) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield f"{table.about}.\n"
    readers = [other.name for other in TABLES.values() if table.name in (*other.made_from, *other.reads_back)]
    facts = {
        "Key": _names(table.key) or "none",
        "Kind": f"{table.kind}. {NIGHTS[table.kind]}",
        "Partitioned by": _names(table.partitions),
        "Made from": _names(table.made_from),
        "Read by": _names(readers),
        "Owner": table.owner,
        "Subject": table.subject,
        "Impact of failure": table.impact,
    }
    yield from (f"- **{title}**: {fact}" for title, fact in facts.items() if fact)
    yield ""
    if alike is not None:
        yield f"Columns: those of [`{alike.name}`](#{_anchor(alike)}).\n"
        return
    yield "| column | type | required | meaning |"
    yield "| --- | --- | --- | --- |"
    for column in table.columns:
        required = "yes" if column.required else ""
        yield f"| `{column.name}` | {column.type} | {required} | {_meaning(column)} |"
    yield ""


def _meaning(column: Column) -> str:
    meaning = column.comment
    if not all(value in column.comment for value in column.values):
        meaning += f"; one of {', '.join(column.values)}"
    if column.between and "{} to {}".format(*column.between) not in column.comment:
        meaning += "; from {} to {}".format(*column.between)
    return meaning.replace("|", "\\|")


def _names(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _anchor(table: Table) -> str:
    # As Markdown viewers make it of a heading: points go, the rest stays.
    return table.name.replace(".", "")
