"""How a campaign says what success is: rows of silver that come after a contact, counted alike in both arms."""

from typing import Literal, Self

from pydantic import Field, model_validator

from jobs.sections import Section

EVENT_DATE = "event_date"
FACTS = ("silver.transactions", "silver.calls", "silver.interactions")
"""Of these a row happens on its event_date alone; other things have several dates."""


class Outcome(Section):
    """What is asked of a customer after the day of the list.

    Success: at least so many rows of the table for which `where` holds, whose date `dated` lies in the campaign's
    outcome days after that day; with `negate` success is that there are fewer. `where` and `dated` are Spark SQL over
    the columns of the table.
    """

    table: Literal[
        "silver.transactions", "silver.calls", "silver.interactions", "silver.statements", "silver.tickets",
        "silver.cards",
    ]  # fmt: skip
    where: str = "true"
    dated: str = EVENT_DATE
    at_least: int = Field(1, ge=1)
    negate: bool = False
    says: str = "succeeded"
    """What a successful customer did, as it goes on after `34.0 % `."""

    @model_validator(mode="after")
    def _facts_have_one_date(self) -> Self:
        if self.table in FACTS and self.dated != EVENT_DATE:
            raise ValueError(f"rows of {self.table} happen on their {EVENT_DATE}; found dated: {self.dated}")
        return self
