"""Whether a challenger takes the champion's place: every gate says what it wants, what it found, and if it opens.

A gate that stays shut leaves the champion where it is; the reasons go into the model card.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.metrics import Figure
from models.training import LOGISTIC, MODEL, RULE, TIME, Parts, Question, Trained, drifts

WORSE_BY = 0.005
"""By which an AUC may be below that of a baseline or the champion: less than a period tells by chance."""
CHEAPER_BY = 0.02
"""Share of the champion's expected value that may be missing: a contact or two among the first twentieth."""
CALIBRATION_ERROR = 0.05
"""Decisions by expected value bear probabilities that are off by a twentieth."""
DRIFT = 0.2
"""Jensen-Shannon distance, base 2, of an input from what was learnt (docs/definitions.md)."""
TOO_GOOD = 0.95
"""AUC of a single input above which it is taken for a leak, unless the rule has about as much by right."""
BEYOND_THE_RULE = 0.02
"""By which an input alone may tell more than the rule does of the past alone."""
FAR_TOO_GOOD = 0.99
"""AUC of the rule above which the columns that it reads are taken for a leak themselves."""
FEWER_THAN = 2 / 3
"""Of the rows of the earlier dates: with fewer something is missing."""
SHARE_CHANGES = 4.0
"""How many times the share of yes may grow or fall between what was learnt and tested."""


@dataclass(frozen=True)
class Gate:
    """One condition: what was wanted and found, in words."""

    name: str
    is_open: bool
    wanted: str
    found: str


@dataclass(frozen=True)
class Decision:
    """Whether the challenger is promoted, with every gate."""

    gates: tuple[Gate, ...]

    @property
    def is_promoted(self) -> bool:
        """All gates are open."""
        return all(gate.is_open for gate in self.gates)

    @property
    def reason(self) -> str:
        """Why, in a line."""
        shut = [gate for gate in self.gates if not gate.is_open]
        return "; ".join(f"{gate.name}: wanted {gate.wanted}, found {gate.found}" for gate in shut or self.gates[-2:])


@dataclass(frozen=True)
class Champion:
    """The version that reigns: its figures on the same test rows, and what it learnt from (Trained.reference).

    `question`: as it was settled for this version, whose features look back no farther than its history did.
    """

    question: Question
    figures: Mapping[str, Figure]
    reference: Mapping[str, dict[str, Any]]


def decide(question: Question, parts: Parts, trained: Trained, champion: Champion | None) -> Decision:
    """Holds a fit against the gates."""
    figures = None if champion is None else champion.figures
    return Decision(
        (
            _sizes(parts),
            _balance(trained),
            _contradictions(question, parts),
            _leak(trained),
            _drift(question, parts, trained, champion),
            _calibration(trained),
            _ranking(trained, figures),
            _money(trained, figures),
        )
    )


def _sizes(parts: Parts) -> Gate:
    usual = len(parts.learn) / max(1, parts.learn[TIME].nunique())
    latest = {"calibrate on": len(parts.calibrate), "test on": len(parts.test), "score": len(parts.newest)}
    per_date = {
        name: rows / max(1, frame[TIME].nunique())
        for (name, rows), frame in zip(latest.items(), (parts.calibrate, parts.test, parts.newest), strict=True)
    }
    fewest = min(per_date, key=lambda name: per_date[name])
    return Gate(
        "size of the data",
        per_date[fewest] >= FEWER_THAN * usual,
        f"at least {FEWER_THAN * usual:,.0f} rows a date, two thirds of those learnt from",
        f"{per_date[fewest]:,.0f} to {fewest}",
    )


def _balance(trained: Trained) -> Gate:
    learnt, tested = trained.shares["learn"], trained.shares["test"]
    ratio = tested / learnt
    return Gate(
        "balance of the classes",
        1 / SHARE_CHANGES <= ratio <= SHARE_CHANGES,
        f"a share of yes within {SHARE_CHANGES:g} times that learnt from, {learnt:.2%}",
        f"{tested:.2%} of the rows to test on",
    )


def _contradictions(question: Question, parts: Parts) -> Gate:
    found = {
        f"{name} ({where})": share
        for where, rows in (("learnt from", parts.learn), ("tested on", parts.test), ("to score", parts.newest))
        for name, share in question.contradictions(rows).items()
        if share > 0
    }
    worst = max(found, key=lambda name: found[name], default="")
    return Gate(
        "inputs that agree",
        not found,
        "columns that do not contradict each other",
        f"{found[worst]:.1%} of the rows against: {worst}" if found else "none that do",
    )


def _leak(trained: Trained) -> Gate:
    name = next(iter(trained.alone), "")
    alone, rule = trained.alone.get(name, 0.5), trained.by[RULE]["auc"].value
    # In an easy world the past tells nearly all by right, and the rule of it tells as much; a leak tells what no rule
    # could know.
    most = max(TOO_GOOD, rule + BEYOND_THE_RULE)
    is_leak = alone > most or rule > FAR_TOO_GOOD
    return Gate(
        "no input that is too good",
        not is_leak,
        f"an AUC of at most {most:.3f} of each input alone, and of at most {FAR_TOO_GOOD} of the rule",
        f"{alone:.3f} of {name}, {rule:.3f} of the rule",
    )


def _drift(question: Question, parts: Parts, trained: Trained, champion: Champion | None) -> Gate:
    moved = drifts(question, trained.reference, parts.newest)
    since = "what was learnt"
    if champion is not None:
        # What went wrong in all rows of the challenger alike shows against what the champion learnt.
        of_champion = drifts(champion.question, champion.reference, parts.learn)
        if _most(of_champion)[1] > _most(moved)[1]:
            moved, since = of_champion, "what the champion learnt"
    name, distance = _most(moved)
    more = sum(1 for each in moved.values() if each > DRIFT) - 1
    return Gate(
        "no drift of the inputs",
        distance <= DRIFT,
        f"a Jensen-Shannon distance of at most {DRIFT} from {since}",
        f"{distance:.3f} of {name}" + (f", and {more} more beyond it" if more > 0 else ""),
    )


def _calibration(trained: Trained) -> Gate:
    found = trained.by[MODEL]["calibration_error"].value
    return Gate(
        "calibration", found <= CALIBRATION_ERROR, f"an error of at most {CALIBRATION_ERROR}", f"{found:.4f}"
    )  # fmt: skip


def _ranking(trained: Trained, champion: Mapping[str, Figure] | None) -> Gate:
    mine = trained.by[MODEL]["auc"]
    rivals = _rivals(trained, champion, lambda figures: figures["auc"].value)
    least = max(rivals.values()) - WORSE_BY
    return Gate(
        "ranking",
        mine.low > 0.5 and mine.value >= least,
        f"an AUC whose interval lies above chance, and of at least {least:.4f}",
        f"{_all(mine.value, rivals)}, interval from {mine.low:.4f}",
    )


def _money(trained: Trained, champion: Mapping[str, Figure] | None) -> Gate:
    mine = trained.by[MODEL]["value_of_top_5_percent"]
    rivals = _rivals(trained, champion, lambda figures: figures["value_of_top_5_percent"].value)
    # A baseline may be ahead by chance, the champion is not given up for less than it has.
    least = max(rivals[RULE], rivals[LOGISTIC]) - (mine.high - mine.value)
    if "champion" in rivals:
        least = max(least, rivals["champion"] - CHEAPER_BY * abs(rivals["champion"]))
    return Gate(
        "money",
        mine.value >= least,
        f"a value of at least {least:.4f} per contact of the first twentieth",
        _all(mine.value, rivals),
    )


def _rivals(
    trained: Trained, champion: Mapping[str, Figure] | None, of: Callable[[Mapping[str, Figure]], float]
) -> dict[str, float]:
    rivals = {RULE: of(trained.by[RULE]), LOGISTIC: of(trained.by[LOGISTIC])}
    return rivals if champion is None else {**rivals, "champion": of(champion)}


def _all(mine: float, rivals: Mapping[str, float]) -> str:
    return f"{mine:.4f} ({', '.join(f'{value:.4f} of the {name}' for name, value in rivals.items())})"


def _most(moved: Mapping[str, float]) -> tuple[str, float]:
    return next(iter(moved.items()), ("", 0.0))
