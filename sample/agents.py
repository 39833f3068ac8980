"""The people at the phones: seats of the call centre, who holds them, and when they work."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sample.cast import END, EPOCH
from sample.dice import dice, midnight, pick, seconds
from sample.feeds import Row
from sample.identity import full_name

if TYPE_CHECKING:
    from sample.world import World

SEATS = 24
TENURE_DAYS = 280  # staggered over the seats, so that somebody leaves every twelve days
SHIFTS = ((0, 8), (2, 8), (6, 8), (14, 9))  # first hour in UTC and length
TEAMS = ("cards", "billing", "fraud", "vip")
SITES = ("Shanghai", "Chengdu", "Leeds")


@dataclass(frozen=True, eq=False)
class Agent:
    """One agent with all versions of the row, oldest first."""

    seat: int
    versions: tuple[Row, ...]

    @property
    def agent_id(self) -> str:
        """The id in every feed."""
        return str(self.versions[0]["agent_id"])

    def on(self, day: date) -> Row | None:
        """The row as the source had it at the end of a day, none before the first."""
        place = bisect_right(self.versions, day, key=lambda version: version["updated_at"].date())
        return self.versions[place - 1] if place else None

    def works(self, day: date) -> bool:
        """Whether the agent is employed on a day."""
        first, last = self.versions[0]["hired_on"], self.versions[-1]["left_on"]
        return bool(first <= day < last)


def agents(seed: int) -> list[Agent]:
    """Everybody who ever holds a seat."""
    everybody: list[Agent] = []
    for seat in range(SEATS):
        hired_on = EPOCH - timedelta(days=TENURE_DAYS + seat * TENURE_DAYS // SEATS)
        while hired_on <= END:
            everybody.append(_agent(dice(seed, "agent", seat, hired_on), seat, hired_on))
            hired_on += timedelta(days=TENURE_DAYS)
    return everybody


def _agent(rng: Random, seat: int, hired_on: date) -> Agent:
    team = TEAMS[seat % 4]
    first = {
        "agent_id": f"A{seat:02d}{hired_on:%y%m}",
        "name": full_name(rng, "GB" if seat % 3 == 2 else "CN")[0],
        "team": team,
        "site": SITES[seat % 3],
        "level": "junior",
        "skills": team,
        "hired_on": hired_on,
        "left_on": None,
        "updated_at": midnight(hired_on) + seconds(rng, 3600, 7200),
    }
    grown_on, left_on = hired_on + timedelta(days=90), hired_on + timedelta(days=TENURE_DAYS)
    grown = first | {
        "level": "senior",
        "skills": "|".join(dict.fromkeys((team, rng.choice(TEAMS)))),
        "updated_at": midnight(grown_on) + seconds(rng, 3600, 7200),
    }
    gone = grown | {
        "left_on": left_on,
        "updated_at": midnight(left_on) + seconds(rng, 3600, 7200),
        "story": "agent_left",
    }
    return Agent(seat, (first, grown, gone))


def planned(world: "World", day: date) -> list[Row]:
    """The shifts of a day as the plan had them on the day before: nobody has logged in yet."""
    shifts = []
    for agent in world.agents:
        if agent.works(day) and (day.toordinal() + agent.seat) % 3:
            hour, length = SHIFTS[(agent.seat // 2) % 4]
            start = midnight(day) + timedelta(hours=hour)
            end = start + timedelta(hours=length)
            shifts.append({"agent_id": agent.agent_id, "planned_start_at": start, "planned_end_at": end})
    return shifts


def worked(world: "World", day: date) -> list[Row]:
    """The same shifts once the day is over, with logins and leave."""
    rng = dice(world.seed, "shifts", day)
    return [shift | _attendance(rng, shift) for shift in planned(world, day)]


def _attendance(rng: Random, shift: Row) -> Row:
    leave = pick(rng, {None: 0.95, "sick": 0.03, "annual": 0.02})
    if leave:
        return {"leave_type": leave}
    return {
        "logged_in_at": shift["planned_start_at"] + seconds(rng, -300, 900),
        "logged_out_at": shift["planned_end_at"] + seconds(rng, -1200, 1800),
    }


def shifts(world: "World", day: date) -> list[Row]:
    """What the planning system brings for a day: the day as it was worked, and the plan of the next one."""
    return worked(world, day) + planned(world, day + timedelta(days=1))


def on_duty(world: "World", at: datetime, rng: Random) -> Row:
    """The row of an agent at work at that moment, by preference one whose shift covers it."""
    day = at.astimezone(UTC).date()
    at_work = [
        shift["agent_id"]
        for shift in world.remembered(planned, day)
        if shift["planned_start_at"] <= at < shift["planned_end_at"]
    ]
    agent_ids = at_work or [agent.agent_id for agent in world.agents if agent.works(day)]
    row = world.agent(rng.choice(agent_ids)).on(day)
    assert row is not None  # noqa: S101  # whoever works has been hired
    return row
