"""What an erasure found before it began, kept in the vault until it has ended."""

import json
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from jobs.errors import DataError
from jobs.person_names import name_forms
from jobs.pseudonyms import ensure_key
from jobs.rights.aside import Aside, batches_of, feeds_of_persons
from jobs.rights.person import Person, condition, find, own_values
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.table_logs import VAULT_MODE, literal
from jobs.tables import TABLES
from jobs.tables.landed import ERASED
from jobs.tables.persons import Who, names_in
from jobs.whole_files import put

PLAN_MODE = 0o600


@dataclass
class Plan:
    """Whom to erase, and what must be known until the end though the rows that say it go first.

    `values` are the person's own in clear by column, `batches` the (date, file) of each feed that brought rows,
    `versions` those of the tables before, `found` the rows of each table, `barred` the numbers left on do-not-call.
    """

    file: UPath
    person: Person
    values: set[tuple[str, str]] = field(default_factory=set)
    batches: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    barred: int = 0

    @property
    def clear(self) -> set[str]:
        """Values that no other has: a name may be that of others too."""
        return {value for column, value in self.values if column != "name"}

    @property
    def name_forms(self) -> set[str]:
        """The forms in which texts have the names that no other has."""
        return {form for column, value in self.values if column == "name" for form in name_forms(value)} - {""}

    @property
    def traces(self) -> set[str]:
        """What must not be found in any text afterwards."""
        own = self.person.own.get(Who.NUMBER, frozenset())
        return {self.person.customer_id, *own, *(value for _, value in self.values)}

    def write(self) -> None:
        """Puts the plan into the vault, whole or not at all, for its owner alone."""
        content = {
            "customer_id": self.person.customer_id,
            "own": {who.value: sorted(things) for who, things in self.person.own.items()},
            "shared_numbers": sorted(self.person.shared_numbers),
            "values": sorted(self.values),
            "batches": {feed: sorted(batches) for feed, batches in self.batches.items()},
            "versions": self.versions,
            "found": self.found,
            "barred": self.barred,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if "://" not in str(self.file):
            self.file.parent.chmod(VAULT_MODE)
        put(self.file, json.dumps(content).encode(), PLAN_MODE)


def draw(tables: StoredTables, settings: Settings, customer_id: str, token: str) -> Plan:
    """The plan of an erasure, written down; one that was killed goes on with what it knew.

    Raises:
        DataError: nothing is held of such a customer, and nobody was erased by that name.
    """
    ensure_key(settings.key_file, may_make=False)
    file = UPath(settings.lake, "vault", f".erasing-{token[:16]}.json")
    plan = _killed(file) or Plan(file, Person(customer_id))
    is_new = not plan.found
    plan.person = find(tables, customer_id).with_things_of(plan.person)
    plan.values |= own_values(tables, plan.person)
    aside = Aside(tables, plan.person, plan.clear, settings.configuration.default_country)
    for feed in feeds_of_persons():
        plan.batches.setdefault(feed.name, set()).update(batches_of(tables, feed, aside))
    if is_new:
        plan.versions = {name: tables.version(table) or 0 for name, table in TABLES.items() if tables.exists(table)}
        plan.found = _found(tables, plan, aside)
    if not plan.found and not tables.count(ERASED, f"token = {literal(token)}"):
        raise unknown()
    plan.write()
    return plan


def unknown(found: str = "nothing of such a customer in the lake") -> DataError:
    """The error of a customer of whom nothing is held."""
    return DataError(
        "no such customer",
        expected="a customer_id as the source writes it",
        found=found,
        todo="look it up in silver.customers; a customer who was erased is unknown",
    )


def _found(tables: StoredTables, plan: Plan, aside: Aside) -> dict[str, int]:
    found = {
        name: tables.count(table, condition(table, plan.person)) for name, table in TABLES.items() if names_in(table)
    }
    for feed in feeds_of_persons():
        shown, raw = aside.rows(feed)
        found[f"quarantine.{feed.name}"] = len(shown)
        found["vault.quarantine_raw"] = found.get("vault.quarantine_raw", 0) + len(raw)
    return {name: rows for name, rows in found.items() if rows}


def _killed(file: UPath) -> Plan | None:
    if not file.exists():
        return None
    said: dict[str, Any] = json.loads(file.read_text())
    own = {Who(who): frozenset(things) for who, things in said["own"].items()}
    return Plan(
        file,
        Person(said["customer_id"], own, frozenset(said["shared_numbers"])),
        {(column, value) for column, value in said["values"]},
        {feed: {(ds, name) for ds, name in batches} for feed, batches in said["batches"].items()},
        # Nights may have gone on since: only who follows by the logs still knows what it has seen.
        {},
        said["found"],
        said["barred"],
    )
