"""Whether conf/tags still means what its lock says, and the lock of new rules (`python -m jobs tags`)."""

import json

from jobs.errors import DataError
from jobs.tables.tags import CATALOGUE, LOCK, locked, read_lock, unlocked

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


def _refuse(rules: list[str], found: str, todo: str) -> None:
    raise DataError(
        f"conf/tags: {', '.join(rules)}",
        expected="every version of a rule in conf/tags/lock.json, with the meaning that it had there",
        found=found,
        todo=f"{todo} (docs/adding_a_tag.md)",
    )
