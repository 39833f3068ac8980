"""What a campaign changed: two arms chosen by chance, counted alike, once per season, when their days have passed."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from jobs import effects, runner
from jobs.effects_settings import Outcome
from jobs.gold.outreach import contact_effects
from jobs.settings import read_settings
from jobs.tables import TABLES
from tests.conftest import World
from tests.frames import frame, whole

pytestmark = pytest.mark.spark
MONDAY = date(2026, 3, 2)
DAYS = 30
BOUGHT = {"table": "silver.transactions", "where": "kind = 'purchase' AND coalesce(status, 'posted') = 'posted'"}
CAMPAIGN = {
    "name": "save", "kind": "marketing", "channel": "call", "value": 1000.0, "cost": 8.0, "outcome_days": DAYS,
    "outcome": BOUGHT | {"says": "bought"}, "effect": 0.10, "effect_sd": 0.05,
}  # fmt: skip
INPUTS = [TABLES[name] for name in TABLES["gold.contact_effects"].inputs]


def chosen(customer: str, decision: str, list_on: date = MONDAY, **more: Any) -> dict[str, Any]:
    return {
        "list_on": list_on, "campaign": "save", "customer_id": customer, "kind": "marketing", "channel": "call",
        "decision": decision,
    } | more  # fmt: skip


def bought(customer: str, on: date, **more: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"t-{customer}-{on}", "customer_id": customer, "kind": "purchase", "event_date": on,
        "known_on": on,
    } | more  # fmt: skip


def result(customer: str, found: str, on: date = MONDAY, **more: Any) -> dict[str, Any]:
    return {
        "attempt_id": f"a-{customer}-{on}", "customer_id": customer, "campaign": "save", "list_on": on, "result": found,
        "event_date": on, "known_on": on,
    } | more  # fmt: skip


def told(
    spark: Any,
    as_of: date,
    campaigns: Sequence[dict[str, Any]] = (CAMPAIGN,),
    first: date = date(2026, 1, 1),
    **rows: Any,
) -> dict[Any, dict[str, Any]]:
    """Rows by campaign and week, with what the table declares."""
    frames = {table.short_name: frame(spark, table.name, rows.get(table.short_name, [])) for table in INPUTS}
    made = contact_effects.build(**frames, as_of=as_of, first=first, time_zone="UTC", campaigns=campaigns)
    columns = TABLES["gold.contact_effects"].column_names
    return {(row["campaign"], row["week"]): row.asDict() for row in made.select(*columns).collect()}


def arms(listed: int, won: int, held_out: int, won_alone: int, on: date = MONDAY, score: float | None = 0.30) -> Any:
    """Two arms of so many, of whom so many buy ten days later; every second of the listed is reached."""
    called = [f"L{on}-{n}" for n in range(listed)]
    spared = [f"H{on}-{n}" for n in range(held_out)]
    return {
        "call_candidates": [
            *(chosen(each, "listed", on, score=score) for each in called),
            *(chosen(each, "holdout", on, score=score) for each in spared),
        ],
        "transactions": [bought(each, on + timedelta(days=10)) for each in (*called[:won], *spared[:won_alone])],
        "contact_results": [
            result(each, "no_answer" if n % 2 else "reached", on) for n, each in enumerate(called)
        ],
    }  # fmt: skip


def test_a_planted_difference_is_found_with_its_interval_value_and_words(spark: Any) -> None:
    found = told(spark, MONDAY + timedelta(days=DAYS), **arms(200, 120, 100, 40))
    # Wilson: 0.6 in 0.5308 to 0.6654, 0.4 in 0.3094 to 0.4980; 0.2 - sqrt(0.0692^2 + 0.0980^2) = 0.0801.
    row = found["save", MONDAY]
    assert (row["listed"], row["held_out"], row["contacted"], row["contacts"]) == (200, 100, 100, 100)
    assert (row["listed_rate"], row["held_out_rate"], row["mean_score"]) == pytest.approx((0.6, 0.4, 0.3))
    assert row["incremental_effect"] == pytest.approx(0.2)
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((0.0801, 0.3117), abs=1e-4)
    assert row["reached_only_effect"] == pytest.approx(0.4)
    assert (row["value_earned"], row["cost"]) == (Decimal("40000.00"), Decimal("800.00"))
    assert row["is_claim"]
    assert row["final_on"] == MONDAY + timedelta(days=6 + DAYS + 7)
    assert row["sentence"].startswith(
        "Of 200 listed customers 60.0 % bought, of 100 held out 40.0 %: the list made it 20.0 points more (95 % sure: "
    )
    assert row["sentence"].endswith("about 40 customers, worth 40,000.00; it cost 800.00.")


def test_of_too_few_nothing_is_claimed_and_the_sentence_says_what_is_missing(spark: Any) -> None:
    days = timedelta(days=DAYS)
    few = told(spark, MONDAY + days, **arms(120, 60, 99, 5))["save", MONDAY]
    assert not few["is_claim"]
    assert few["sentence"] == (
        "Too little to say what the list changed; missing: 1 held-out customers, 5 held-out customers with the outcome."
    )
    alone = told(spark, MONDAY + days, **arms(2, 1, 0, 0))["save", MONDAY]
    assert (alone["incremental_effect"], alone["effect_low"], alone["held_out_rate"]) == (None, None, None)
    assert alone["sentence"] == (
        "Of 2 listed customers 50.0 % bought; nobody was held out, so that what the list changed cannot be told."
    )
    same = told(spark, MONDAY + days, **arms(150, 60, 100, 41))["save", MONDAY]
    assert same["is_claim"]
    assert "no difference can be told (95 % sure: -13.3 to 11.1); it cost 600.00." in same["sentence"]


def test_a_customer_counts_once_a_season_at_the_first_date_and_in_the_arm_of_that_date(spark: Any) -> None:
    later, next_season = date(2026, 3, 16), date(2026, 4, 1)
    candidates = [
        chosen("A", "listed"), chosen("A", "listed", later), chosen("A", "listed", next_season),
        chosen("B", "holdout", later), chosen("B", "listed", date(2026, 3, 17)),
        chosen("C", "suppressed"), chosen("C", "listed", later),
        chosen("D", "listed", campaign="gone"),
    ]  # fmt: skip
    counts = {
        week: (row["listed"], row["held_out"])
        for (_, week), row in told(spark, date(2026, 6, 1), call_candidates=candidates).items()
    }
    assert counts == {MONDAY: (1, 0), later: (1, 1), date(2026, 3, 30): (1, 0)}
    from_april = told(spark, date(2026, 6, 1), first=date(2026, 4, 1), call_candidates=candidates)
    assert not from_april, "the week that began in the season before is not half told"


def test_whose_outcome_days_have_not_passed_is_left_out(spark: Any) -> None:
    candidates = [chosen("A", "listed"), chosen("B", "listed", MONDAY + timedelta(days=1))]
    day = MONDAY + timedelta(days=DAYS)
    assert told(spark, day - timedelta(days=1), call_candidates=candidates) == {}
    assert told(spark, day, call_candidates=candidates)["save", MONDAY]["listed"] == 1
    assert told(spark, day + timedelta(days=1), call_candidates=candidates)["save", MONDAY]["listed"] == 2


def test_the_outcome_is_what_was_known_of_the_days_after_the_list_in_both_arms(spark: Any) -> None:
    last = MONDAY + timedelta(days=DAYS)
    purchases = {
        "same day": bought("same day", MONDAY), "first": bought("first", MONDAY + timedelta(days=1)),
        "last": bought("last", last), "after": bought("after", last + timedelta(days=1)),
        "declined": bought("declined", last, status="declined"), "refund": bought("refund", last, kind="refund"),
        "late": bought("late", last, known_on=last + timedelta(days=7)),
        "too late": bought("too late", last, known_on=last + timedelta(days=8)),
    }  # fmt: skip
    for decision, arm in (("listed", "listed"), ("holdout", "held_out")):
        rows: dict[str, Any] = {
            "call_candidates": [chosen(each, decision) for each in purchases],
            "transactions": list(purchases.values()),
        }
        then = told(spark, last, **rows)["save", MONDAY]
        assert then[f"{arm}_successes"] == 2
        assert told(spark, last + timedelta(days=7), **rows)["save", MONDAY][f"{arm}_successes"] == 3
        assert told(spark, last + timedelta(days=90), **rows)["save", MONDAY][f"{arm}_successes"] == 3


def test_outcomes_look_at_other_tables_count_and_may_be_that_nothing_happens(spark: Any) -> None:
    call = {
        "customer_id": "A",
        "direction": "inbound",
        "event_date": MONDAY + timedelta(days=3),
        "known_on": MONDAY + timedelta(days=3),
    }
    statement = {
        "card_id": "k",
        "closed_on": date(2026, 2, 20),
        "due_on": date(2026, 3, 12),
        "known_on": date(2026, 2, 21),
    }
    paid = date(2026, 3, 10)
    statements = [
        statement | {"customer_id": "A", "superseded_on": paid},
        statement | {"customer_id": "A", "known_on": paid, "paid_on": paid},
        statement | {"customer_id": "B"},
        # What is put right after the days of the outcome was not known then.
        statement | {"customer_id": "B", "known_on": date(2026, 5, 1), "paid_on": paid},
    ]
    campaigns = [
        CAMPAIGN
        | {"name": "quiet", "outcome": {"table": "silver.calls", "where": "direction = 'inbound'", "negate": True}},
        CAMPAIGN | {"name": "twice", "outcome": {"table": "silver.calls", "at_least": 2}},
        CAMPAIGN
        | {
            "name": "remind",
            "outcome": {"table": "silver.statements", "where": "paid_on <= due_on", "dated": "paid_on"},
        },
    ]
    found = told(
        spark, date(2026, 6, 1), campaigns,
        call_candidates=[chosen(who, "listed", campaign=each["name"]) for who in ("A", "B") for each in campaigns],
        calls=[{"call_id": "1", **call}, {"call_id": "2", **call}, {"call_id": "3", **call, "customer_id": "B"}],
        statements_versions=statements,
    )  # fmt: skip
    assert {name: row["listed_successes"] for (name, _), row in found.items()} == {"quiet": 0, "twice": 1, "remind": 1}


def test_complaints_and_opt_outs_are_those_beyond_what_the_held_out_lead_to_expect(spark: Any) -> None:
    soon = MONDAY + timedelta(days=2)
    at = {"event_date": soon, "known_on": soon}
    ticket = {"opened_at": datetime.combine(soon, time(), UTC), "known_on": soon, "category": "complaint"}
    numbers = [{"customer_id": f"L{n}", "phone_token": f"p{n}", "known_on": date(2026, 1, 1)} for n in range(4)]
    found = told(
        spark, date(2026, 6, 1),
        call_candidates=[chosen(f"L{n}", "listed") for n in range(4)] + [chosen(f"H{n}", "holdout") for n in range(2)],
        tickets_versions=[
            ticket | {"ticket_id": "1", "customer_id": "L0"}, ticket | {"ticket_id": "2", "customer_id": "L0"},
            ticket | {"ticket_id": "3", "customer_id": "L1"}, ticket | {"ticket_id": "4", "customer_id": "L2"},
            ticket | {"ticket_id": "5", "customer_id": "H0"},
            ticket | {"ticket_id": "6", "customer_id": "H1", "category": "request"},
        ],
        customers_versions=numbers,
        do_not_call=[{"phone_token": "p1", **at}, {"customer_id": "L2", **at}, {"customer_id": "H0", "event_date": MONDAY, "known_on": MONDAY}],
    )["save", MONDAY]  # fmt: skip
    # Three of four listed and one of two held out complained: (3/4 - 1/2) x 4.
    assert (found["complaints_caused"], found["opt_outs_caused"]) == (1.0, 2.0)


def test_an_opt_out_is_of_those_who_had_the_number_when_they_were_judged(spark: Any) -> None:
    entered, moved = MONDAY + timedelta(days=2), MONDAY + timedelta(days=DAYS + 8)
    at = {"event_date": entered, "known_on": entered}
    ever = {"known_on": date(2026, 1, 1)}
    rows: dict[str, Any] = {
        "call_candidates": [*(chosen(each, "listed") for each in "ABCD"), chosen("H", "holdout")],
        "customers_versions": [
            {"customer_id": "A", "phone_token": "p", "superseded_on": moved} | ever,
            {"customer_id": "B", "phone_token": "p", "known_on": moved},
            {"customer_id": "C", "phone_token": "q"} | ever,
            {"customer_id": "D", "phone_token": "q", "superseded_on": entered} | ever,
            {"customer_id": "D", "phone_token": "p", "known_on": moved},
        ],
        # Who is named binds all with whom the number is shared.
        "do_not_call": [{"phone_token": "p", **at}, {"customer_id": "C", **at}],
    }
    for late in (7, 30):
        assert told(spark, MONDAY + timedelta(days=DAYS + late), **rows)["save", MONDAY]["opt_outs_caused"] == 2.0


def test_a_fact_has_one_date() -> None:
    with pytest.raises(ValueError, match="event_date"):
        Outcome(table="silver.calls", dated="ended_at")


# In a lake


@pytest.fixture
def fill(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts rows into the lake's tables; its campaign is `CAMPAIGN`."""
    monkeypatch.setattr(effects, "campaigns_of", lambda settings: [CAMPAIGN])

    def put(**rows: list[dict[str, Any]]) -> None:
        lake = runner.open_lake(read_settings())
        for table in INPUTS:
            if table.short_name in rows:
                of_table = [whole(table.name, row) for row in rows[table.short_name]]
                lake.append(table, frame(lake.spark, table.name, of_table))

    return put


def test_a_night_moves_forward_and_the_same_night_again_changes_nothing(world: World, fill: Any) -> None:
    fill(**arms(3, 2, 2, 1))
    night = MONDAY + timedelta(days=DAYS)
    assert world.make("gold.contact_effects", str(night - timedelta(days=1))) == 0
    assert world.make("gold.contact_effects", str(night)) == 1
    version = DeltaTable(world.lake / "gold/contact_effects").version()
    assert world.make("gold.contact_effects", str(night)) == 0
    assert world.make("gold.contact_effects", str(night - timedelta(days=1))) == 0
    assert DeltaTable(world.lake / "gold/contact_effects").version() == version
    # Two seasons later the weeks that stand for good are left alone, and new ones are added.
    fill(**arms(4, 1, 3, 0, date(2026, 8, 3)))
    assert world.make("gold.contact_effects", "2026-10-01") == 1
    assert world.rows("gold.contact_effects", "week", "listed", "listed_successes", "held_out") == [
        (MONDAY, 3, 2, 2), (date(2026, 8, 3), 4, 1, 3),
    ]  # fmt: skip


def test_nights_after_a_rewind_make_anew_what_was_not_final_before_it(world: World, fill: Any) -> None:
    fill(**arms(3, 2, 2, 1))
    first, last = (MONDAY + timedelta(days=DAYS + late) for late in (5, 60))
    for night in (first, last):
        world.make("gold.contact_effects", str(night))
    fill(transactions=[bought("L2026-03-02-2", MONDAY + timedelta(days=9), known_on=first)])
    lake = runner.open_lake(read_settings())

    def again(since: date, until: date) -> list[Any]:
        effects.rewind(lake, since, until)
        for night in (since, until):
            world.make("gold.contact_effects", str(night))
        return world.rows("gold.contact_effects", "week", "listed_successes")

    # The last night looks no farther back than to the season after that week.
    assert again(last, last) == [(MONDAY, 2)]
    assert again(first, last - timedelta(days=1)) == [(MONDAY, 2)], "the last night stands on it"
    assert again(first, last) == [(MONDAY, 3)]


def test_a_week_that_stands_stays_as_conf_had_it_until_a_backfill_from_before_it_stood(
    world: World, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = MONDAY + timedelta(days=7)
    fill(**arms(3, 2, 2, 1))
    fill(**arms(4, 3, 2, 1, week))
    final_on = MONDAY + timedelta(days=6 + DAYS + 7)

    def made(*nights: date) -> list[Any]:
        for night in nights:
            world.make("gold.contact_effects", str(night))
        return world.rows("gold.contact_effects", "week", "cost", "final_on")

    stands, moves = (MONDAY, 16, final_on), (week, 16, final_on + timedelta(days=7))
    # In its last nights nothing of the week changed.
    assert made(final_on - timedelta(days=5), final_on) == [stands, moves]
    dearer = CAMPAIGN | {"cost": 9.0, "outcome_days": DAYS - 1}
    monkeypatch.setattr(effects, "campaigns_of", lambda _: [dearer])
    moved = (week, 18, final_on + timedelta(days=6))
    assert made(final_on + timedelta(days=1)) == [stands, moved]
    monkeypatch.setattr(effects, "campaigns_of", lambda _: [CAMPAIGN | {"name": "another"}])
    assert made(final_on + timedelta(days=2)) == [stands]
    monkeypatch.setattr(effects, "campaigns_of", lambda _: [dearer])
    effects.rewind(runner.open_lake(read_settings()), final_on, final_on + timedelta(days=2))
    assert made(final_on) == [(MONDAY, 18, final_on - timedelta(days=1)), moved]


def test_no_event_from_before_the_first_list_is_read(world: World, fill: Any) -> None:
    long_ago = MONDAY - timedelta(days=200)
    fill(**arms(3, 2, 2, 1))
    fill(transactions=[bought("L0", long_ago)])
    (old,) = (world.lake / "silver/transactions").glob(f"event_date={long_ago}/*.parquet")
    old.unlink()
    assert world.make("gold.contact_effects", str(MONDAY + timedelta(days=DAYS))) == 1


def test_what_is_learnt_moves_from_the_prior_to_the_data_once_it_stands(world: World, fill: Any) -> None:
    lake = runner.open_lake(read_settings())
    campaigns = [CAMPAIGN, CAMPAIGN | {"name": "new", "effect": 0.2}]
    assert effects.learnt(lake, MONDAY, campaigns) == {"save": 0.10, "new": 0.2}
    fill(**arms(1000, 590, 500, 250))
    final_on = MONDAY + timedelta(days=6 + DAYS + 7)
    world.make("gold.contact_effects", str(final_on))
    assert effects.learnt(lake, final_on, campaigns) == {"save": 0.10, "new": 0.2}
    found = effects.learnt(lake, final_on + timedelta(days=1), campaigns)
    # 0.59 - 0.50 = 0.09 with a standard error of 0.0272; over the mean probability 0.30 that is 0.30 and 0.0907:
    # (0.10/0.05^2 + 0.30/0.0907^2) / (1/0.05^2 + 1/0.0907^2).
    assert found["save"] == pytest.approx(0.1466, abs=5e-4)
    assert found["new"] == 0.2


def test_a_campaign_that_chooses_without_a_probability_is_measured_by_the_outcome_that_comes_anyway(
    world: World, fill: Any
) -> None:
    fill(**arms(1000, 590, 500, 250, score=None))
    world.make("gold.contact_effects", "2026-05-01")
    found = effects.learnt(runner.open_lake(read_settings()), date(2026, 5, 1), [CAMPAIGN])
    # 0.09 / 0.50 = 0.18 with a standard error of 0.0544.
    assert found["save"] == pytest.approx(0.1366, abs=5e-4)


def test_of_few_persons_nothing_is_learnt(world: World, fill: Any) -> None:
    fill(**arms(300, 290, 99, 20))
    world.make("gold.contact_effects", "2026-05-01")
    found = effects.learnt(runner.open_lake(read_settings()), date(2026, 5, 1), [CAMPAIGN])
    assert found == {"save": 0.10}
