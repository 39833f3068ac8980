"""A SQL prompt on the lake: DuckDB over the Delta tables, without Spark."""

import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import schema
from pyarrow.dataset import Dataset, field

from jobs.errors import DataError
from jobs.rights.roles import VAULT, Access, access
from jobs.settings import read_settings
from jobs.tables import TABLES, Table

ROWS_SHOWN = 100  # in a terminal; a file or a pipe gets as many as DuckDB draws
UNLIMITED = 1_000_000
HISTORY_LINES = 1_000
SILENT = (duckdb.StatementType.CREATE, duckdb.StatementType.DROP, duckdb.StatementType.SET)

HELP = """\
A statement ends with a semicolon and may go over several lines. Tables are layer.table:
  SELECT * FROM gold.service_kpis ORDER BY day, queue;
  DESCRIBE gold.repeat_calls;
  COPY (SELECT * FROM gold.service_kpis) TO 'kpis.csv';   -- all rows; shown are at most 10,000
.tables   the tables of the lake, and what a row of each is
.help     this text
.quit     ends; so does Ctrl-D. Ctrl-C drops what is typed or stops the statement that runs"""

LEFT_OUT = "vault.* holds personal data in clear and is left out"


def run(command: str | None, role: str | None = None, team: str | None = None) -> int:
    """Answers one command, else what comes from the terminal or from a pipe; returns the exit code.

    Raises:
        DataError: the lake holds no table, or the role is unknown.
    """
    settings = read_settings()
    lake = _Lake(settings.lake, access(role, team))
    if not lake.has_tables():
        raise DataError(
            f"the lake {settings.lake}",
            expected="a lake with tables",
            found="none",
            todo="make run makes a small one, make nightly yours; ECHOLAKE_LAKE says where a lake lies",
        )
    if command is None and sys.stdin.isatty():
        with _history(settings.local / "sql_history"):
            _converse(lake, input)
        return 0
    return 0 if lake.answer(sys.stdin.read() if command is None else command) else 1


class _Lake:
    """The tables under one root as DuckDB views, as far as a role sees them."""

    def __init__(self, root: str, seen_as: Access | None = None) -> None:
        self.root = root
        self.access = seen_as or access(None)
        self.versions: dict[str, int] = {}
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        # A name that is no table is an error, never a variable of this program.
        self.db.execute("SET python_enable_replacements = false")
        for layer in dict.fromkeys(table.layer for table in TABLES.values()):
            self.db.execute(f"CREATE SCHEMA {layer}")
        if self.access.is_narrow:
            # Whoever may see less must not read the files of the lake past the views.
            self.db.execute("SET enable_external_access = false; SET lock_configuration = true")

    def has_tables(self) -> bool:
        return any(self._is_made(table) for table in TABLES.values())

    def answer(self, text: str) -> bool:
        """Runs a dot command, or statements up to the first that fails; returns whether none did."""
        try:
            if text.strip().startswith("."):
                self._obey(text.strip())
                return True
            for statement in self.db.extract_statements(text):
                self._open_tables_of(statement.query)
                self._show(statement)
        except (duckdb.Error, DeltaError, OSError, RuntimeError, ValueError) as error:
            # A RuntimeError is how DuckDB says that Ctrl-C stopped it.
            sys.stdout.flush()
            sys.stderr.write(f"failed: {self._explained(error, text)}\n")
            return False
        return True

    def _obey(self, command: str) -> None:
        name = command.rstrip(";").strip()
        if name == ".help":
            sys.stdout.write(f"{HELP}\n")
        elif name == ".tables":
            made = [table for table in TABLES.values() if self.access.sees(table) and self._is_made(table)]
            sys.stdout.writelines(f"{table.name:<28} {table.about}\n" for table in made)
            sys.stdout.write(f"{LEFT_OUT}\n")
        else:
            raise ValueError(f"expected .tables, .help or .quit, found {name}")

    def _open_tables_of(self, statement: str) -> None:
        """Makes a view of each table that the statement may mean, at the version that readers see now."""
        # Opening all tables would take seconds; a word that is no table's name costs nothing.
        words = {word.lower() for word in re.findall(r"\w+", statement)}
        for table in TABLES.values():
            if table.short_name not in words or not self.access.sees(table) or not self._is_made(table):
                continue
            stored = DeltaTable(self._path(table))
            if self.versions.get(table.name) == stored.version():
                continue
            self.db.register(table.name, self._narrowed(stored.to_pyarrow_dataset()))
            self.db.execute(f'CREATE OR REPLACE VIEW {table.name} AS SELECT * FROM "{table.name}"')
            self.versions[table.name] = stored.version()

    def _narrowed(self, rows: Dataset) -> Dataset:
        """The rows and columns that the role sees."""
        if self.access.role.rows == "team" and {"agent_id", "dimension"} & set(rows.schema.names):
            agents = DeltaTable(self._path(TABLES["silver.agents"])).to_pyarrow_dataset()
            of_team = agents.to_table(columns=["agent_id"], filter=field("team") == self.access.team)
            ids = of_team["agent_id"].combine_chunks()
            if "agent_id" in rows.schema.names:
                rows = rows.filter(field("agent_id").isin(ids))
            else:
                # Figures by agent name the agent as their group.
                rows = rows.filter((field("dimension") != "agent") | field("group_name").isin(ids))
        kept = [each for each in rows.schema if not self.access.is_hidden(each.name)]
        return rows.replace_schema(schema(kept)) if len(kept) < len(rows.schema) else rows

    def _show(self, statement: duckdb.Statement) -> None:
        result = self.db.sql(statement.query)
        if result is None or statement.type in SILENT:
            return
        if sys.stdout.isatty():
            result.show(max_width=shutil.get_terminal_size().columns, max_rows=ROWS_SHOWN)
        else:
            result.show(max_width=UNLIMITED, max_rows=UNLIMITED, max_col_width=UNLIMITED)

    def _explained(self, error: Exception, text: str) -> str:
        if isinstance(error, duckdb.CatalogException):
            for layer, name in re.findall(r'(\w+)"?\s*\.\s*"?(\w+)', text.lower()):
                table = TABLES.get(f"{layer}.{name}")
                if layer == VAULT:
                    return LEFT_OUT
                if table is not None and not self.access.sees(table):
                    return f"{table.name} is not for the role {self.access.name} (conf/roles.yaml)"
                if table is not None and not self._is_made(table):
                    return f"{table.name} is not made yet; a night makes it (make run, make nightly)"
        return " ".join(str(error).partition("\nLINE ")[0].split())

    def _is_made(self, table: Table) -> bool:
        return DeltaTable.is_deltatable(self._path(table))

    def _path(self, table: Table) -> str:
        return f"{self.root}/{table.layer}/{table.short_name}"


def _converse(lake: _Lake, ask: Callable[[str], str]) -> None:
    """Reads statements from a person until they leave; `ask` is `input`."""
    sys.stdout.write(f"{lake.root}: .tables lists its tables, .help says more, .quit ends\n")
    typed = ""
    while True:
        try:
            typed += ask("   ... " if typed else "lake=> ")
            is_command = typed.lstrip().startswith(".")
            if typed.strip().rstrip(";") in (".quit", ".exit"):
                return
            if not typed.strip():
                typed = ""
            elif is_command or sqlite3.complete_statement(typed):
                lake.answer(typed)
                typed = ""
            else:
                typed += "\n"
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            typed = ""
        except EOFError:
            sys.stdout.write("\n")
            return


@contextmanager
def _history(file: Path) -> Iterator[None]:
    """What was typed comes back with the arrow keys, also in the next session; its owner alone reads it."""
    import readline

    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    readline.set_history_length(HISTORY_LINES)
    try:
        readline.read_history_file(file)
    except OSError:
        # A history that cannot be read is no reason to have no prompt.
        readline.clear_history()
    try:
        yield
    finally:
        readline.write_history_file(file)
