"""Customer tags as data: the measures and tags of conf/tags/, one file per group (docs/adding_a_tag.md)."""

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "conf/tags"

CUSTOMERS = "silver.customers_versions"
BARRED = "silver.do_not_call"
"""A table whose rows may name a number alone: they are of all customers who share it."""
LISTS = "gold.call_candidates"
"""Made later in the night: what nights before decided is read, of the lists of the season up to the date."""

AGGREGATES = {
    "count": "bigint",
    "sum": None,
    "items": "map<string,bigint>",
    "last": None,
    "latest": "date",
    "dates": "array<date>",
    "value": None,
    "list": "array<string>",
    "distinct": "bigint",
}
"""How rows become a figure, and its type where that is given: number of rows; sum; number of rows per value; the value
of the last event; the business date of the last event; all business dates with an event, in order; the value of the
only row; the different values in order; how many there are."""
WITHOUT_VALUE = ("count", "latest", "dates")
HIDDEN = "hidden"
SENSITIVITIES = ("internal", "confidential", "restricted", HIDDEN)
"""Who may see a tag: everyone inside, who works with customers, who needs it for the purpose, no agent ever."""

FORBIDDEN = re.compile(
    r"\b(current_\w+|now|localtimestamp|unix_timestamp|curdate|rand\w*|uuid|shuffle|monotonically_increasing_id)\b",
    re.IGNORECASE,
)
"""The same date must give the same tags: no clock and no dice in an expression."""


class TagError(ValueError):
    """A file of conf/tags/ that does not say what it must."""


@dataclass(frozen=True)
class Measure:
    """A figure of a customer as of a date: an aggregate over rows of one table.

    `days`: only rows whose event lies in that many business days up to the date (None: all that is known).
    `reads`: of a table of versions the rows `known` on the date, or all that held `within` those days.
    `per`: of the rows that have this in common the last event alone counts.
    """

    name: str
    about: str
    table: str
    aggregate: str
    type: str
    of: str | None = None
    where: str | None = None
    days: int | None = None
    reads: str = "known"
    per: str | None = None

    @property
    def definition(self) -> list[Any]:
        """What a change of meaning changes."""
        each = [] if self.per is None else [self.per]
        return [self.table, self.aggregate, self.type, self.of, self.where, self.days, self.reads, *each]


@dataclass(frozen=True)
class Rule:
    """One version of how a tag is told from measures: its value in Spark SQL, null = none; the names of its bands."""

    version: int
    since: date
    value: str
    bands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How a tag stands on a date for everybody: the version of its rule, and whether its window is not full yet."""

    rule_version: int
    is_partial: bool


@dataclass(frozen=True)
class Tag:
    """A statement about a customer in one word or number; `rules` newest first, `golden` cases of the newest."""

    name: str
    group: str
    meaning: str
    null: str
    purpose: str
    sensitivity: str
    owner: str
    rules: tuple[Rule, ...]
    golden: tuple[dict[str, Any], ...]

    def rule_on(self, day: date) -> Rule:
        """The rule in force: the newest that began by that day; before the first one began, that one."""
        return next((rule for rule in self.rules if rule.since <= day), self.rules[-1])


@dataclass(frozen=True)
class Catalogue:
    """All measures and tags by name."""

    measures: dict[str, Measure]
    tags: dict[str, Tag]

    def measures_of(self, rule: Rule) -> tuple[Measure, ...]:
        """The measures that a rule's expression names."""
        return tuple(self.measures[word] for word in self._words(rule) if word in self.measures)

    def fingerprint(self, rule: Rule) -> str:
        """A hash of what the rule means: its expression and the measures that it stands on."""
        meaning = [" ".join(rule.value.split()), *(measure.definition for measure in self.measures_of(rule))]
        return _hash(meaning)

    def first_date_whole(self, rule: Rule, first_batches: dict[str, date]) -> date | None:
        """The first date on which every window of the rule lies after the first batch of its table.

        None: no table that the rule reads has had a batch.
        """
        starts = [
            date.fromordinal(first_batches[each.table].toordinal() + (each.days or 1) - 1)
            for each in self.measures_of(rule)
            if each.table in first_batches
        ]
        return max(starts, default=None)

    @cached_property
    def fingerprint_of_measures(self) -> str:
        """A hash of what all measures mean."""
        return _hash([[measure.name, *measure.definition] for measure in self.measures.values()])

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The tables that measures read."""
        return tuple(sorted({measure.table for measure in self.measures.values()}))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that measures read, and the customers who share a number with a do-not-call entry."""
        made_before = {*self.tables} - {LISTS}
        return tuple(sorted(made_before | {CUSTOMERS} if BARRED in made_before else made_before))

    @property
    def reads_back(self) -> tuple[str, ...]:
        """The tables of which measures read what nights before made."""
        return tuple(name for name in self.tables if name == LISTS)

    def of_table(self, table: str) -> tuple[Measure, ...]:
        """The measures over one table."""
        return tuple(measure for measure in self.measures.values() if measure.table == table)

    def _words(self, rule: Rule) -> list[str]:
        return sorted(set(re.findall(r"\w+", rule.value)))


def read_catalogue(folder: Path = FOLDER) -> Catalogue:
    """The catalogue of the files of a folder.

    Raises:
        TagError: a file is no TOML, a key is missing or unknown, a name is taken twice, an expression asks a clock.
    """
    measures: dict[str, Measure] = {}
    tags: dict[str, Tag] = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
            conditions = content.pop("conditions", {})
            for pattern, entry in content.pop("measures", {}).items():
                for measure in _measures(pattern, entry, conditions):
                    _add(measures, measure.name, measure)
            for name, entry in content.pop("tags", {}).items():
                _add(tags, name, _tag(name, file.stem, dict(entry), content))
        except (tomllib.TOMLDecodeError, TypeError, KeyError, ValueError) as error:
            raise TagError(f"{file.name}: {error}") from error
    catalogue = Catalogue(measures | _numbers_of_rows(measures), tags)
    _check(catalogue)
    return catalogue


def _numbers_of_rows(measures: dict[str, Measure]) -> dict[str, Measure]:
    """For each table of events the rows of a customer in its longest window: with none the customer is not in it."""
    made = {}
    for table in sorted({measure.table for measure in measures.values()}):
        days = [measure.days for measure in measures.values() if measure.table == table]
        if table.endswith("_versions") or None in days:
            continue
        longest = max(day for day in days if day is not None)
        name = f"{table.partition('.')[2]}_rows_{longest}d"
        made[name] = Measure(name, f"Rows of {table}, {longest} days", table, "count", "bigint", days=longest)
    return made


def _measures(pattern: str, entry: dict[str, Any], conditions: dict[str, str]) -> list[Measure]:
    entry = dict(entry)
    if "where" in entry:
        entry["where"] = entry["where"].format(**{name: f"({text})" for name, text in conditions.items()})
    windows = entry.pop("windows", [None])
    made = []
    if entry["aggregate"] not in AGGREGATES:
        raise TagError(f"measure {pattern}: expected one of {', '.join(AGGREGATES)}, found {entry['aggregate']}")
    for window in windows:
        name = pattern if window is None else pattern.format(window=window)
        about = entry["about"] if window is None else f"{entry['about']}, {window[:-1]} days"
        days = None if window is None else int(window.removesuffix("d"))
        type_ = entry.get("type") or AGGREGATES[entry["aggregate"]]
        if type_ is None:
            raise TagError(f"measure {name}: a {entry['aggregate']} needs the `type` of its value")
        made.append(Measure(**{**entry, "name": name, "about": about, "days": days, "type": type_}))
    return made


def _tag(name: str, group: str, entry: dict[str, Any], defaults: dict[str, Any]) -> Tag:
    earlier = entry.pop("earlier", [])
    rules = [_rule(entry), *(_rule(dict(old)) for old in reversed(earlier))]
    golden = tuple(entry.pop("golden"))
    return Tag(name=name, group=group, rules=tuple(rules), golden=golden, **{**defaults, **entry})


def _rule(entry: dict[str, Any]) -> Rule:
    version, since, value = entry.pop("version"), entry.pop("since"), entry.pop("value")
    bands = entry.pop("bands", None)
    if bands is None:
        return Rule(version, since, value)
    return Rule(version, since, banded(value, bands), tuple(band[0] for band in bands))


def banded(value: str, bands: list[list[Any]]) -> str:
    """The SQL of a value's band: pairs of a name and the first value that lies above it; the last has a name alone."""
    *below, (last,) = bands
    cases = " ".join(f"WHEN {value} < {limit} THEN '{name}'" for name, limit in below)
    return f"CASE WHEN {value} IS NULL THEN NULL {cases} ELSE '{last}' END"


def _add(known: dict[str, Any], name: str, thing: object) -> None:
    if name in known:
        raise TagError(f"{name} is there twice")
    known[name] = thing


def _check(catalogue: Catalogue) -> None:
    for measure in catalogue.measures.values():
        if (measure.of is None) != (measure.aggregate in WITHOUT_VALUE):
            raise TagError(f"measure {measure.name}: {' and '.join(WITHOUT_VALUE)} take no `of`, other aggregates do")
        # A sum that is rolled on cannot give back the event before the last once that is taken off.
        if measure.per is not None and (measure.aggregate != "sum" or not measure.table.endswith("_versions")):
            raise TagError(f"measure {measure.name}: `per` is for a sum over a table of versions")
        _refuse_chance(f"measure {measure.name}", f"{measure.of} {measure.where} {measure.per}")
    for tag in catalogue.tags.values():
        _check_tag(catalogue, tag)


def _check_tag(catalogue: Catalogue, tag: Tag) -> None:
    if tag.name in catalogue.measures:
        raise TagError(f"{tag.name} is a measure and a tag; a tag says more than its measure, so name it for that")
    if tag.sensitivity not in SENSITIVITIES:
        raise TagError(f"tag {tag.name}: expected one of {', '.join(SENSITIVITIES)}, found {tag.sensitivity}")
    versions = [rule.version for rule in tag.rules]
    if versions != sorted(set(versions), reverse=True) or not tag.golden:
        raise TagError(f"tag {tag.name}: expected versions that grow and golden rows")
    for rule in tag.rules:
        _refuse_chance(f"tag {tag.name}", rule.value)
        if not catalogue.measures_of(rule):
            raise TagError(f"tag {tag.name}: its expression names no measure")


def _refuse_chance(what: str, expression: str) -> None:
    found = FORBIDDEN.search(expression)
    if found:
        raise TagError(f"{what}: {found[0]} is not the same on every run; as_of is the date")


def _hash(meaning: list[Any]) -> str:
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]


CATALOGUE = read_catalogue()
