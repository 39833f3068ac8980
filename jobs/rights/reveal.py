"""One contact in clear for a member of staff, written down before it is shown."""

from datetime import UTC, datetime

from jobs.errors import DataError
from jobs.known_names import names_of_customers
from jobs.pseudonyms import ensure_key, keyed_token
from jobs.redaction import redact_text
from jobs.rights.plan import unknown
from jobs.rights.roles import Access
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.table_logs import literal
from jobs.tables import TABLES
from jobs.tables.persons import Who

ACCESSES = TABLES["ops.pii_access"]


def reveal(settings: Settings, access: Access, customer_id: str, column: str, reason: str, by: str) -> str:
    """The customer's value as last known, once the look at it stands in ops.pii_access.

    Raises:
        DataError: the role may not, no reason or name was given, or there is no such customer or value.
    """
    if column not in access.role.may_reveal:
        raise DataError(
            f"reveal {column}",
            expected="a role that may (may_reveal in conf/roles.yaml)",
            found=f"{access.name}, which may see {', '.join(access.role.may_reveal) or 'none'}",
            todo="ask somebody who may, or change the role",
        )
    if not reason.strip() or not by.strip():
        raise DataError(
            f"reveal {column}", expected="who looks, and why", found="blank", todo="give --by and --reason in words"
        )
    ensure_key(settings.key_file, may_make=False)
    tables = StoredTables(settings.lake)
    now, names = datetime.now(UTC), names_of_customers(tables.path(TABLES["vault.customers"]))
    look = {
        "accessed_at": now,
        "ds": now.date(),
        "by": by.strip(),
        "role": access.name,
        "customer_token": keyed_token(Who.CUSTOMER, customer_id, str(settings.key_file)),
        "column": column,
        # The customer is named by the token alone, and nobody else by more.
        "reason": redact_text(reason.strip().replace(customer_id, "[customer]"), names, str(now.date())),
    }
    tables.add(ACCESSES, look)
    return _value(tables, customer_id, column)


def _value(tables: StoredTables, customer_id: str, column: str) -> str:
    of_customer = f"customer_id = {literal(customer_id)}"
    current = tables.distinct(TABLES["silver.customers"], f"{column}_token", of_customer)
    of_person = f"person_id = {literal(customer_id)} AND personal_column = {literal(column)}"
    values = tables.select(TABLES["vault.customers"], of_person, ("token", "value"))
    value = next((row["value"] for row in values if row["token"] in current), None)
    if value is None:
        raise unknown(f"no {column} of such a customer")
    return str(value)
