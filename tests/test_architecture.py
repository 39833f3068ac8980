"""The rules of the house that no linter knows: a table is whole, and lineage cannot lie."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from jobs import data_map, dictionary
from jobs.outreach_settings import Outreach
from jobs.settings import (
    CallerIdentities,
    CallerProfiles,
    Churn,
    ConsumptionWarnings,
    CustomerIdentities,
    CustomerTimeline,
    RepeatAdvice,
    RepeatCalls,
    ServiceKpis,
)
from jobs.tables import FEEDS, TABLES, Feed, Kind, Table, nightly, persons
from jobs.tables.tags import CATALOGUE

REPO = Path(__file__).resolve().parents[1]
CONTRACT = REPO.parent / "shared/design/contract.md"

TABLE_MODULES = [
    file
    for file in sorted(
        chain(*((REPO / "jobs" / layer).rglob("*.py") for layer in ("bronze", "silver", "features", "gold")))
    )
    if file.name != "__init__.py"
]
NUMBERS = {
    name
    for section in (
        RepeatCalls,
        ServiceKpis,
        CustomerIdentities,
        CallerIdentities,
        CallerProfiles,
        CustomerTimeline,
        RepeatAdvice,
        Churn,
        ConsumptionWarnings,
        Outreach,
    )
    for name in section.model_fields
}
"""What conf tunes."""
BY_TABLE = "figures"
OF_THE_NIGHT = {
    "known_until", "as_of", "first", "end_at", "time_zone", BY_TABLE, "measures", "rules", "tags", "standing",
    "standing_before", "described", "topic_prefix", "history_days", "list_on", "season_began", "results_on", "returned",
    "hours", "minutes", "places", "abandoned", "effects", "is_do_not_call_stale",
}  # fmt: skip
"""Values that a night hands to a build, besides frames and numbers."""
MODELS = {"kinds", "risk"}
"""Arguments that are versions of a model."""


def each(tables: list[Table]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", tables, ids=lambda table: table.name)


def maker(table: Table) -> str:
    """The module that makes a table."""
    return table.module or ("jobs.landed" if table.kind is Kind.LANDED else f"jobs.{table.name}")


def source_of(module: str) -> Path:
    return REPO / f"{module.replace('.', '/')}.py"


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), file.name)


OWN = [table for table in nightly() if source_of(f"jobs.{table.name}").exists() or table.layer == "gold"]
"""Tables with a module of their own, not one for all feeds."""


# A table


@each(list(TABLES.values()))
def test_a_table_says_its_grain_its_owner_and_what_its_failure_means(table: Table) -> None:
    assert table.about.startswith("One row per")
    assert table.owner
    assert table.subject
    assert table.impact.endswith(".")
    assert all(column.comment for column in table.columns)


@each(list(TABLES.values()))
def test_key_partition_and_statistics_are_columns(table: Table) -> None:
    assert {*table.key, *table.partitions, *table.statistics} <= {*table.column_names}
    assert len(set(table.column_names)) == len(table.columns)


@each(nightly())
def test_a_table_has_its_maker(table: Table) -> None:
    assert source_of(maker(table)).exists(), f"{maker(table)} makes {table.name}"


@each(nightly())
def test_a_table_is_made_of_tables_that_a_night_makes_before(table: Table) -> None:
    order = [made.name for made in nightly()]
    assert all(order.index(name) < order.index(table.name) for name in table.made_from)


@each(nightly())
def test_a_table_has_expectations(table: Table) -> None:
    assert table.key or any(column.required for column in table.columns)
    if table.layer == "gold":
        file = source_of(maker(table).replace("jobs.", "expectations.", 1))
        assert file.exists(), f"{file.relative_to(REPO)} guards {table.name}"
        assert "EXPECTATIONS" in {node.id for node in ast.walk(tree(file)) if isinstance(node, ast.Name)}


@each(nightly())
def test_a_table_has_a_test(table: Table) -> None:
    if table.layer == "gold":
        folder, name = maker(table).replace(".", "/").rsplit("/", 1)
        assert (REPO / f"tests/{folder}/test_{name}.py").exists()
    else:
        # What is made alike for all feeds is tested as one, named as its module or as the step.
        steps = {Kind.LANDED: "landing", Kind.KEYED: "keyed"}
        names = {f"test_{name}" for name in (maker(table).rpartition(".")[2], steps.get(table.kind))}
        files = list((REPO / "tests/jobs").rglob("test_*.py"))
        assert any(file.stem in names or maker(table) in imports(file) for file in files)


# Lineage


@each(OWN)
def test_the_frames_that_a_build_takes_are_the_inputs_that_its_table_declares(table: Table) -> None:
    frames, values = arguments_of_build(source_of(maker(table)))
    # A state that is carried from night to night is read by who writes it.
    own_state = {"before"} if table.kind is Kind.HISTORY else set()
    own_state |= {name.split(".")[1] for name in table.reads_back}
    if BY_TABLE in values:
        # What conf/tags/ reads; the frames come by the names of their tables.
        assert not frames
        assert table.inputs == CATALOGUE.inputs
    else:
        assert frames == {name.split(".")[1] for name in table.inputs} | own_state
    assert values <= NUMBERS | OF_THE_NIGHT | MODELS


def arguments_of_build(file: Path) -> tuple[set[str], set[str]]:
    """Names of the arguments that are frames, and of the others."""
    build = next(node for node in tree(file).body if isinstance(node, ast.FunctionDef) and node.name == "build")
    arguments = [*build.args.posonlyargs, *build.args.args, *build.args.kwonlyargs]
    frames = {
        argument.arg
        for argument in arguments
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "DataFrame"
    }
    return frames, {argument.arg for argument in arguments} - frames


# Persons


NAMING = re.compile(r"(_id|_key|_token|_uri|_number)$|^(token|value|row|raw|by)$")
"""Names of text columns that can name somebody or a thing of theirs."""


@each(list(TABLES.values()))
def test_every_column_that_can_name_a_person_is_declared(table: Table) -> None:
    declared = {*persons.NAMES, *persons.BESIDE, *persons.IMPERSONAL}
    naming = {column.name for column in table.columns if column.type == "string" and NAMING.search(column.name)}
    assert naming <= declared, "jobs/tables/persons.py says whom it names, or that it names nobody"


@each([table for table in TABLES.values() if table.name not in persons.KEPT])
def test_the_rights_of_a_person_reach_every_table_with_a_person_in_it(table: Table) -> None:
    texts = {column.name for column in table.columns if column.text or column.personal}
    tells = {*persons.BESIDE, *persons.NAMES, *texts} & {*table.column_names}
    is_of_agents = table.feed is not None and not persons.names_in(table)
    assert not tells or is_of_agents or persons.holds_persons(table)


def test_every_feed_that_names_a_customer_is_reached() -> None:
    named = {feed.name for feed in FEEDS if any(column.name in persons.NAMES for column in feed.columns)}
    assert named == {feed.name for feed in FEEDS if persons.names_in(TABLES[f"bronze.{feed.name}"])}
    assert {feed.name for feed in FEEDS} - named == {"agents", "shifts"}


# What modules may do


@pytest.mark.parametrize("file", TABLE_MODULES, ids=lambda file: str(file.relative_to(REPO)))
def test_what_makes_a_table_has_no_clock_and_no_output(file: Path) -> None:
    forbidden = {
        "print", "getLogger", "now", "today", "utcnow", "time_ns", "monotonic",
        "current_date", "current_timestamp", "curdate", "localtimestamp",
        "getOrCreate", "collect", "toPandas", "show", "save", "saveAsTable",
    }  # fmt: skip
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert not called & forbidden


def test_the_map_of_the_lake_needs_nothing_but_the_standard_library() -> None:
    imported = {name.split(".")[0] for file in (REPO / "jobs/tables").glob("*.py") for name in imports(file)}
    assert imported <= {*sys.stdlib_module_names, "jobs"}
    # Without site-packages nothing else can be found, however deep the import.
    code = f"import sys; sys.path.insert(0, {str(REPO)!r}); import jobs.tables"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def imports(file: Path) -> Iterator[str]:
    """Modules that a file imports, and what it imports from them."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# Docs


def test_the_data_dictionary_is_not_stale() -> None:
    assert dictionary.write(only_check=True) == 0, "make docs writes it again"


def in_duckdb(type_: str) -> str:
    """A type of a declaration as DuckDB calls it."""
    if type_.startswith("array<"):
        return f"{in_duckdb(type_[len('array<') : -1])}[]"
    type_ = re.sub(r"map<(\w+),(\w+)>", r"map(\1, \2)", type_)
    type_ = re.sub(r"struct<(.*)>", r"struct(\1)", type_).replace(":", " ")
    return type_.replace("string", "varchar").replace("timestamp", "timestamptz")


def test_the_data_map_is_not_stale() -> None:
    assert data_map.write(only_check=True) == 0, "make docs writes it again"


def documents() -> list[Path]:
    return [*sorted(REPO.glob("*.md")), *sorted((REPO / "docs").rglob("*.md"))]


def test_links_between_documents_lead_somewhere() -> None:
    links = [
        (file, target)
        for file in documents()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    broken = [f"{file.relative_to(REPO)}: {target}" for file, target in links if not (file.parent / target).exists()]
    assert not broken


def test_the_queries_in_the_documents_suit_the_tables() -> None:
    with duckdb.connect() as db:
        for layer in dict.fromkeys(table.layer for table in TABLES.values()):
            db.execute(f"CREATE SCHEMA {layer}")
        for table in TABLES.values():
            columns = ", ".join(f'"{column.name}" {in_duckdb(column.type)}' for column in table.columns)
            db.execute(f"CREATE TABLE {table.name} ({columns})")
        for file in documents():
            for queries in re.findall(r"```sql\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
                db.execute(queries)


# The contract


class Promised(NamedTuple):
    """A column as contract.md writes it."""

    name: str
    required: bool
    is_event: bool
    values: tuple[str, ...]
    between: tuple[int, int] | None


@pytest.mark.skipif(not CONTRACT.exists(), reason="needs ../shared/design/contract.md, which is not in the repository")
def test_the_feeds_are_those_of_the_contract() -> None:
    assert {feed.name for feed in FEEDS} == promised_feeds().keys()


@pytest.mark.skipif(not CONTRACT.exists(), reason="needs ../shared/design/contract.md, which is not in the repository")
@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_a_feed_has_the_key_and_the_columns_of_the_contract(feed: Feed) -> None:
    key, columns = promised_feeds()[feed.name]
    assert feed.key == key
    assert [column.name for column in feed.columns] == [column.name for column in columns]
    assert [c.name for c in feed.columns if c.required] == [c.name for c in columns if c.required]
    assert feed.event in ([column.name for column in columns if column.is_event] or ["ds"])
    for declared, promised in zip(feed.columns, columns, strict=True):
        assert (declared.name, *declared.values) == (promised.name, *promised.values)
        assert (declared.name, declared.between) == (promised.name, promised.between)


def promised_feeds() -> dict[str, tuple[tuple[str, ...], list[Promised]]]:
    """Key and columns of each feed, from the table of section 2."""
    section = CONTRACT.read_text(encoding="utf-8").partition("## 2. ")[2].partition("\n## ")[0]
    feeds = {}
    for line in section.splitlines():
        cells = line.strip().strip("|").split(" | ")
        if len(cells) == 4 and cells[0].strip().startswith("`"):
            name, _, key, columns = (cell.strip() for cell in cells)
            feeds[name.strip("`")] = (tuple(key.split(", ")), list(promised_columns(columns)))
    return feeds


def promised_columns(cell: str) -> Iterator[Promised]:
    for part in re.split(r", (?![^(]*\))| or (?=[a-z_]+ \()", cell):
        found = re.match(r"(?P<bold>\*\*)?(?P<name>[a-z_]+)(?:\*\*)?(?: (?P<more>.*))?$", part)
        if found is None or (found["more"] or "").startswith("="):
            continue  # a remark on the column before
        more = found["more"] or ""
        values = re.match(r"[a-z_]+(?:/[a-z_]+)+$", more)
        between = re.match(r"\((\d+) to (\d+)\)$", more)
        yield Promised(
            name=found["name"],
            required=found["bold"] is not None,
            is_event=more == "(e)",
            values=tuple(values[0].split("/")) if values else (),
            between=(int(between[1]), int(between[2])) if between else None,
        )
