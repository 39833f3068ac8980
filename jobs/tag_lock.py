"""Whether conf/tags still means what its lock says, and the lock of new rules (`python -m jobs tags`)."""

import json

from jobs.errors import DataError
from jobs.tables.tags import CATALOGUE, FOLDER, Catalogue

LOCK = FOLDER / "lock.json"
TO_LOCK = "python -m jobs tags --lock"


def check() -> str:
    """Lets nobody tell tags by rules that are not locked; returns a line about those that are.

    Raises:
        DataError: the meaning of a rule changed under its version, or a version is not locked yet.
    """
    new, changed = unlocked(CATALOGUE, read_lock())
    if changed:
        _refuse(changed, "a rule whose meaning changed", f"give it a new version, keep the old one, then {TO_LOCK}")
    if new:
        _refuse(new, "a rule that is not locked yet", TO_LOCK)
    return f"{len(CATALOGUE.tags)} tags over {len(CATALOGUE.measures)} measures, all locked"


def write() -> str:
    """Locks the rules that are new; returns a line about all.

    Raises:
        DataError: the meaning of a rule changed under its version.
    """
    held = read_lock()
    _, changed = unlocked(CATALOGUE, held)
    if not changed:
        LOCK.write_text(json.dumps(locked(CATALOGUE, held), indent=1) + "\n", encoding="utf-8")
    return check()


def read_lock() -> dict[str, dict[str, str]]:
    """What each version of each rule meant, as a hash; empty where there is no lock yet."""
    held: dict[str, dict[str, str]] = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    return held


def unlocked(catalogue: Catalogue, lock: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    """Rules that the lock does not hold yet, and rules whose meaning changed under a version that it holds."""
    new, changed = [], []
    for tag in catalogue.tags.values():
        for rule in tag.rules:
            held = lock.get(tag.name, {}).get(str(rule.version))
            if held is None:
                new.append(f"{tag.name} {rule.version}")
            elif held != catalogue.fingerprint(rule):
                changed.append(f"{tag.name} {rule.version}")
    return new, changed


def locked(catalogue: Catalogue, lock: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The lock with the rules that it did not hold; a rule that was ever used stays in it."""
    made = {name: dict(versions) for name, versions in lock.items()}
    for tag in catalogue.tags.values():
        for rule in tag.rules:
            made.setdefault(tag.name, {}).setdefault(str(rule.version), catalogue.fingerprint(rule))
    return {name: made[name] for name in sorted(made)}


def _refuse(rules: list[str], found: str, todo: str) -> None:
    raise DataError(
        f"conf/tags: {', '.join(rules)}",
        expected="every version of a rule in conf/tags/lock.json, with the meaning that it had there",
        found=found,
        todo=f"{todo} (docs/adding_a_tag.md)",
    )
