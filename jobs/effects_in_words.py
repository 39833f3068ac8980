"""A row of gold.contact_effects as a sentence for somebody who reads no intervals."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from models.effects import LEAST_FAILURES, LEAST_PERSONS, LEAST_SUCCESSES


def sentence(says: Column) -> Column:
    """What the campaign did, or what is missing to say it; `says`: what a successful customer did."""
    rates = F.format_string(
        "Of %,d listed customers %.1f %% %s, of %,d held out %.1f %%: ",
        "listed", _percent("listed_rate"), says, "held_out", _percent("held_out_rate"),
    )  # fmt: skip
    interval = F.format_string("(95 %% sure: %.1f to %.1f)", _percent("effect_low"), _percent("effect_high"))
    more_or_fewer = F.when(F.col("incremental_effect") < 0, "fewer").otherwise("more")
    made = F.format_string(
        "the list made it %.1f points %s %s, about %,d customers%s; it cost %s.",
        F.abs(_percent("incremental_effect")),
        more_or_fewer,
        interval,
        F.round(F.abs(F.col("incremental_effect") * F.col("listed"))).cast("bigint"),
        F.coalesce(F.concat(F.lit(", worth "), F.format_number("value_earned", 2)), F.lit("")),
        F.format_number("cost", 2),
    )
    unclear = F.format_string("no difference can be told %s; it cost %s.", interval, F.format_number("cost", 2))
    is_clear = (F.col("effect_low") > 0) | (F.col("effect_high") < 0)
    alone = F.format_string(
        "Of %,d listed customers %.1f %% %s; nobody was held out, so that what the list changed cannot be told.",
        "listed", _percent("listed_rate"), says,
    )  # fmt: skip
    return (
        F.when(F.col("is_claim"), F.concat(rates, F.when(is_clear, made).otherwise(unclear)))
        .when(F.col("held_out") == 0, alone)
        .otherwise(F.concat(F.lit("Too little to say what the list changed; missing: "), _missing(), F.lit(".")))
    )


def _missing() -> Column:
    """How much each arm lacks, of persons, successes and failures."""
    lacks = []
    for arm, words in (("listed", "listed"), ("held_out", "held-out")):
        persons, successes = F.col(arm), F.col(f"{arm}_successes")
        for kind, found, least in (
            ("customers", persons, LEAST_PERSONS),
            ("customers with the outcome", successes, LEAST_SUCCESSES),
            ("customers without it", persons - successes, LEAST_FAILURES),
        ):
            lacks.append(F.when(found < least, F.format_string(f"%d {words} {kind}", F.lit(least) - found)))
    return F.concat_ws(", ", *lacks)


def _percent(share: str) -> Column:
    return F.col(share) * 100
