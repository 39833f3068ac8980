"""Draws that stay the same for a customer: who is held out of a campaign in a season, who is explored on a day."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

PARTS = 10_000
"""Of which shares are drawn by a hash."""


def season_of(day: date) -> str:
    """The season of a list: the calendar quarter."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def is_drawn(share: float, *of: str | Column) -> Column:
    """Whether the customer is in a share that is drawn for these texts; a larger share holds a smaller one."""
    texts = (F.lit(each) if isinstance(each, str) else each for each in of)
    return F.pmod(F.xxhash64("customer_id", *texts), F.lit(PARTS)) < share * PARTS
