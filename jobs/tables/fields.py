"""Shorthands for the columns of feeds, one for each kind of value."""

from jobs.tables.contract import Column


def identifier(name: str, comment: str, required: bool = False) -> Column:
    """An identifier, as the source writes it."""
    return Column(name, "string", comment, required=required)


def string(name: str, comment: str, **more: object) -> Column:
    """A text; `more` are fields of Column."""
    return Column(name, "string", comment, **more)  # type: ignore[arg-type]


def instant(name: str, comment: str, required: bool = False) -> Column:
    """A point in time, in UTC."""
    return Column(name, "timestamp", f"{comment} (UTC)", required=required)


def day(name: str, comment: str, required: bool = False) -> Column:
    """A date."""
    return Column(name, "date", comment, required=required)


def whole(name: str, comment: str, **more: object) -> Column:
    """A whole number; `more` are fields of Column."""
    return Column(name, "int", comment, **more)  # type: ignore[arg-type]


def money(name: str, comment: str, required: bool = False) -> Column:
    """An amount of money to the cent."""
    return Column(name, "decimal(18,2)", comment, required=required)


def flag(name: str, comment: str) -> Column:
    """A yes or no."""
    return Column(name, "boolean", comment)
