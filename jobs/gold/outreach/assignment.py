"""Who gets a place: pairs of customer and campaign in the order of their worth, each once per person and number.

What a pair gets depends on all before it, so the pairs pass one by one, in order, through counters; a pair costs about
a microsecond. Everything else about a pair was decided before, in Spark.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

DUPLICATE, OVER_QUOTA, OVER_CAPACITY, BELOW_FLOOR = "duplicate", "over_quota", "over_capacity", "below_floor"
LISTED, HOLDOUT, SUPPRESSED = "listed", "holdout", "suppressed"
EXPLORE = "explore"
TAKES = ("campaign", "customer_id", "person_id", "phone_token", "hours", "wish", "is_holdout", "is_explored")
"""Columns of a pair: `hours` is a bit for each hour of the day, `wish` the hour that suits the customer."""
GIVES = "campaign string, customer_id string, decision string, reason string, slot int"


@dataclass
class Places:
    """What is still free on a day.

    `minutes`: agent minutes of each hour. `quotas`: by campaign, None where it has none. `needs`: minutes of a contact
    by campaign, 0 where no agent is needed. `explore_minutes`: of them those for customers below the floor.
    """

    minutes: list[float]
    quotas: dict[str, int | None]
    needs: Mapping[str, float]
    explore_minutes: float
    _persons: set[str] = field(default_factory=set)
    _numbers: set[str] = field(default_factory=set)

    def decide(
        self,
        campaign: str,
        person: str,
        number: str | None,
        hours: int,
        wish: int,
        is_holdout: bool,
        is_explored: bool,
    ) -> tuple[str, str | None, int | None]:
        """Decision, reason and hour of the next pair."""
        reason = self._refused(campaign, person, number, is_explored)
        slot = None if reason else self._slot(hours, wish, self.needs[campaign])
        if slot is None:
            return SUPPRESSED, reason or OVER_CAPACITY, None
        self._persons.add(person)
        if number is not None:
            self._numbers.add(number)
        if is_holdout:
            return HOLDOUT, HOLDOUT, slot
        self._use(campaign, slot, is_explored)
        return LISTED, EXPLORE if is_explored else None, slot

    def _refused(self, campaign: str, person: str, number: str | None, is_explored: bool) -> str | None:
        if person in self._persons or (number is not None and number in self._numbers):
            return DUPLICATE
        quota = self.quotas[campaign]
        if quota is not None and quota <= 0:
            return OVER_QUOTA
        return BELOW_FLOOR if is_explored and self.needs[campaign] > self.explore_minutes else None

    def _use(self, campaign: str, slot: int, is_explored: bool) -> None:
        needs, quota = self.needs[campaign], self.quotas[campaign]
        self.minutes[slot] -= needs
        self.quotas[campaign] = None if quota is None else quota - 1
        if is_explored:
            self.explore_minutes -= needs

    def _slot(self, hours: int, wish: int, needs: float) -> int | None:
        """The free hour nearest to the wish, the earlier of two; None where no allowed hour has the minutes."""
        if hours >> wish & 1 and self.minutes[wish] >= needs:
            return wish
        free = [n for n, minutes in enumerate(self.minutes) if hours >> n & 1 and (not needs or minutes >= needs)]
        return min(free, key=lambda n: (abs(n - wish), n), default=None)


def assigned(batches: Iterator[pa.RecordBatch], places: Places) -> Iterator[pa.RecordBatch]:
    """Decides pairs that come in their order, columns TAKES; gives the columns of GIVES."""
    for batch in batches:
        columns: Sequence[list[Any]] = [batch.column(name).to_pylist() for name in TAKES]
        told = [
            places.decide(campaign, person, number, hours, wish, is_holdout, is_explored)
            for campaign, _, person, number, hours, wish, is_holdout, is_explored in zip(*columns, strict=True)
        ]
        decisions, reasons, slots = zip(*told, strict=True) if told else ((), (), ())
        yield pa.RecordBatch.from_arrays(
            [
                batch.column("campaign"),
                batch.column("customer_id"),
                pa.array(decisions, pa.string()),
                pa.array(reasons, pa.string()),
                pa.array(slots, pa.int32()),
            ],
            names=["campaign", "customer_id", "decision", "reason", "slot"],
        )
