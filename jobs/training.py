"""How a model is trained, compared with the champion, and promoted; and when a night does so by itself."""

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Protocol, cast

import numpy as np

from jobs import __version__
from jobs.errors import DataError
from jobs.lake import Lake, Warn
from jobs.model_versions import may_hold_models, registry
from jobs.reports import model_cards
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.models import MODELS
from models import metrics, promotion, training
from models.errors import NotEnoughDataError
from models.promotion import Champion, Decision
from models.registry import Registry, Version
from models.training import Parts, Question, Trained

WATCH = TABLES["ops.model_watch"]
TRAINING, PERFORMANCE = "training", "performance"
"""Measures of ops.model_watch."""
PAUSE_DAYS = 7
"""Between two trainings that nights begin by themselves."""


class Lesson(Protocol):
    """How the lake asks a question of models/: a module of jobs/ (jobs.tables.models)."""

    READS: tuple[str, ...]

    def question(self, settings: Settings, settled: Mapping[str, Any]) -> Question:
        """The question as configured, and as settled by the history that was learnt from (Parts.settled)."""

    def parameters(self, settings: Settings) -> dict[str, Any]:
        """What conf says of it; a champion of other parameters answers another question."""

    def first_day(self, lake: Lake, settings: Settings) -> date | None:
        """The first date as of which there is enough history to learn from; None while there is none at all."""

    def parts(self, lake: Lake, day: date, settings: Settings, say: Callable[[str], None]) -> Parts:
        """The rows as of the date, split by time."""


@dataclass(frozen=True)
class Standing:
    """A version of a model as it was registered."""

    estimator: Any
    beside: dict[str, Any]
    version: Version


@dataclass(frozen=True)
class Attempt:
    """What a training came to: the lines that a person reads, and the version if one was made."""

    lines: list[str]
    version: Version | None
    is_promoted: bool


def lesson(name: str) -> Lesson:
    """The module that asks the question of that name.

    Raises:
        DataError: there is no such model.
    """
    if name not in MODELS:
        raise DataError(
            f"model {name}",
            expected=f"one of {', '.join(MODELS)}",
            found="no such model",
            todo="name one of those",
        )
    return cast(Lesson, importlib.import_module(MODELS[name].module))


def train(lake: Lake, name: str, day: date, settings: Settings, say: Callable[[str], None]) -> Attempt:
    """Trains a model on what was known at the end of the date; promotes it if every gate opens.

    Raises:
        NotEnoughDataError: there is too little to learn from, or it has no yes and no.
    """
    asked = lesson(name)
    first = asked.first_day(lake, settings)
    try:
        if first is None or day < first:
            known = "nothing yet" if first is None else f"less; {first} is the first date as of which it can be trained"
            raise NotEnoughDataError(
                f"expected history to learn from, calibrate and test on as of {day}, found {known}"
            )
        parts = asked.parts(lake, day, settings, say)
        question = asked.question(settings, parts.settled)
        say(f"{name}: fitting on {len(parts.learn):,} rows, testing on {len(parts.test):,}")
        trained = training.train(question, parts)
    except NotEnoughDataError as error:
        _note(lake, name, day, None, f"not trained: {error}")
        raise
    versions = registry(settings)
    same = _same(versions, name, day, _print(trained))
    if same is not None and same.is_decided:
        line = f"{name} as of {day}: the same model as version {same.label}; nothing to promote"
        _note(lake, name, day, same, line)
        return Attempt([line], same, False)
    standing = champion(name, day, settings)
    reigning = None if standing is None else _reigning(standing, asked.question(settings, settled(standing)), parts)
    decision = promotion.decide(question, parts, trained, reigning)
    card = {
        **_card(lake, asked, question, day, settings, parts.settled, trained, decision),
        "drift": training.drifts(question, trained.reference, parts.newest),
    }
    if reigning is not None and standing is not None:
        card["figures"][f"champion, version {standing.version.label}"] = metrics.told(reigning.figures)
    # A training that was killed may have left its version without a decision.
    version = same or _registered(versions, question, day, parts, trained, card)
    if decision.is_promoted:
        versions.promote(version, day, decision.reason)
    else:
        versions.reject(version, decision.reason)
    lines = model_cards.lines(card, version.label)
    _note(lake, name, day, version, lines[-1])
    return Attempt(lines, version, decision.is_promoted)


def train_when_due(lake: Lake, name: str, day: date, settings: Settings, warn: Warn) -> None:
    """Trains within a night: while there is no champion, and when the watch found it below what it has to reach."""
    first = lesson(name).first_day(lake, settings)
    if first is None or day < first:
        return
    watched = [row for row in lake.records(WATCH, ("model", "=", name)) if row["as_of"] <= day]
    fresh = day - timedelta(days=PAUSE_DAYS)
    if any(row["measure"] == TRAINING and row["as_of"] > fresh for row in watched):
        return
    standing = champion(name, day, settings)
    if standing is not None and not _is_below(standing, watched, day):
        return
    try:
        made = train(lake, name, day, settings, lambda line: None)
    except NotEnoughDataError as error:
        warn(f"the model {name} as of {day} was not trained: {error}")
        return
    if not made.is_promoted:
        warn(made.lines[-1])


def champion(name: str, day: date, settings: Settings) -> Standing | None:
    """The champion at the end of the date; None where the rule has to tell: there is none, or it answers what conf
    no longer asks."""
    if not may_hold_models(settings):
        return None
    versions = registry(settings)
    found = versions.champion(name, day)
    if found is None:
        return None
    estimator, beside = versions.load(found)
    if beside["card"]["parameters"] != lesson(name).parameters(settings):
        return None
    return Standing(estimator, beside, found)


def settled(standing: Standing | None) -> dict[str, Any]:
    """What the history settled when a version was fitted."""
    return {} if standing is None else dict(standing.beside["card"]["settled"])


def roll_back(lake: Lake, name: str, day: date, settings: Settings) -> str:
    """Makes the champion before the present one champion again from the date on; says what it did.

    Raises:
        DataError: there is no champion to take back.
    """
    lesson(name)
    present, before = registry(settings).roll_back(name, day) if may_hold_models(settings) else (None, None)
    if present is None:
        raise DataError(
            f"rollback of {name} {day}",
            expected="a champion to take back",
            found="none at that date",
            todo=f"look at the versions (make mlflow); make train MODEL={name} DATE={day} makes one",
        )
    follows = "the rule" if before is None else f"version {before.label}"
    line = f"{name}: version {present.label} is taken back from {day} on, {follows} tells again"
    _note(lake, name, day, before, line)
    return line


def _is_below(standing: Standing, watched: list[dict[str, Any]], day: date) -> bool:
    """Whether the latest watch of the champion before the date found it below its gate.

    What a version of before had told comes true for a horizon more, and says nothing of the champion.
    """
    of_champion = [row for row in watched if row["model_version"] == standing.version.label]
    told = [row for row in of_champion if row["measure"] == PERFORMANCE and row["as_of"] < day]
    latest = max((row["as_of"] for row in told), default=None)
    return any(row["is_beyond"] for row in told if row["as_of"] == latest)


def _same(versions: Registry, name: str, day: date, fingerprint: str) -> Version | None:
    """The champion, or a version fitted on the same date, that is this very model."""
    known = [each for each in versions.versions(name, day) if each.fitted_on == day]
    reigning = versions.champion(name, day)
    for each in [*known, *([reigning] if reigning else [])]:
        if versions.load(each)[1]["fingerprint"] == fingerprint:
            return each
    return None


def _print(trained: Trained) -> str:
    """A hash of what the model tells of the rows to test on."""
    return hashlib.sha256(np.round(trained.told, 12).tobytes()).hexdigest()[:16]


def _reigning(standing: Standing, question: Question, parts: Parts) -> Champion:
    truth = parts.test[question.label].astype(int).to_numpy()
    told = training.probability(question, standing.estimator, parts.test)
    return Champion(question, metrics.figures(truth, told, question.value), standing.beside["reference"])


def _card(
    lake: Lake,
    asked: Lesson,
    question: Question,
    day: date,
    settings: Settings,
    settled_now: Mapping[str, Any],
    trained: Trained,
    decision: Decision,
) -> dict[str, Any]:
    """All that is told of a fit, as JSON (docs/adding_a_model.md)."""
    return {
        "model": question.name,
        "asks": question.asks,
        "fitted_on": str(day),
        "code_version": __version__,
        "parameters": asked.parameters(settings),
        "settled": dict(settled_now),
        "dates": {name: [str(each) for each in days] for name, days in trained.dates.items()},
        "rows": dict(trained.sizes),
        "share_of_yes": dict(trained.shares),
        "data": {name: _data(lake, name) for name in asked.READS if lake.exists(TABLES[name])},
        "figures": {name: metrics.told(figures) for name, figures in trained.by.items()},
        "gates": [asdict(gate) for gate in decision.gates],
        "is_promoted": decision.is_promoted,
        "reason": decision.reason,
        "segments": trained.segments,
        "learning_curve": trained.learning_curve,
        "calibration": trained.curve,
        "alone": dict(trained.alone),
    }


def _data(lake: Lake, name: str) -> dict[str, Any]:
    """Which version of a table was read, and the batches that it held."""
    table = TABLES[name]
    first, last = (lake.first(table, "known_on"), lake.latest(table, "known_on"))
    return {"version": lake.version(table), "first_batch": str(first), "last_batch": str(last)}


def _registered(
    versions: Registry, question: Question, day: date, parts: Parts, trained: Trained, card: dict[str, Any]
) -> Version:
    told = {
        f"{who.replace(' ', '_')}_{name}": figure.value
        for who, figures in trained.by.items()
        for name, figure in figures.items()
    }
    return versions.register(
        question.name,
        trained.estimator,
        training.usual(question, trained.reference),
        day,
        beside={
            "card": card,
            "fingerprint": _print(trained),
            "reference": trained.reference,
            "scores": trained.scores,
        },
        parameters={
            **card["parameters"],
            **card["settled"],
            "rows_learnt": len(parts.learn),
            "features": len(trained.reference),
        },
        metrics=told,
        tags={
            "date": str(day),
            "code_version": __version__,
            **{name: f"version {data['version']}" for name, data in card["data"].items()},
        },
        files={
            "model_card.json": json.dumps(card, ensure_ascii=False, indent=1),
            "model_card.html": model_cards.page(card),
            **{f"figures/{name}.svg": svg for name, svg in model_cards.figures_of(card).items()},
        },
    )


def _note(lake: Lake, name: str, day: date, version: Version | None, line: str) -> None:
    row = {
        "as_of": day,
        "model": name,
        "measure": TRAINING,
        "name": "decision",
        "is_beyond": False,
        "model_version": version.label if version else None,
        "about": line,
    }
    lake.record(WATCH, [row], f"as_of = DATE'{day}' AND model = '{name}' AND measure = '{TRAINING}'")
