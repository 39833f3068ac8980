"""The kinds of repeat callers as of a date: fitted anew when they are a week old, promoted when they are no worse."""

from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import __version__
from jobs.gold.repeats.repeat_call_clusters import compared
from jobs.lake import Lake, Warn
from jobs.model_versions import is_due, may_hold_models, registry
from jobs.settings import Settings
from jobs.tables import TABLES
from models import named_kinds, repeat_callers
from models.errors import NotEnoughDataError
from models.named_kinds import NamedKinds
from models.registry import Registry, Version

PROFILES = TABLES["features.caller_profiles"]
CHANGES = TABLES["ops.repeat_cluster_changes"]
MOST_FITTED = 50_000
"""Callers of whom a fit learns, chosen by a hash of their keys: more tell nothing new."""
MAY_BE_WORSE = 0.02
"""A fit is promoted unless its silhouette on the same callers is worse by more: a week changes that much by chance."""


def of_date(lake: Lake, profiles: DataFrame, day: date, settings: Settings, warn: Warn) -> NamedKinds | None:
    """The kinds that hold at the end of the date; None while there are too few callers to tell kinds.

    `profiles`: features.caller_profiles of the date.
    """
    callers = profiles.where("is_identified").count()
    if callers < repeat_callers.FEWEST_CALLERS and not may_hold_models(settings):
        warn(f"no kinds of repeat callers as of {day}: {callers} callers, {repeat_callers.FEWEST_CALLERS} are needed")
        return None
    versions = registry(settings)
    champion = _loaded(versions, versions.champion(repeat_callers.NAME, day))
    if is_due(versions, repeat_callers.NAME, day):
        try:
            _fit(lake, versions, profiles, day, champion)
        except NotEnoughDataError as error:
            warn(f"kinds of repeat callers as of {day} were not fitted: {error}")
        champion = _loaded(versions, versions.champion(repeat_callers.NAME, day))
    _record(lake, versions, day)
    return champion


def _fit(lake: Lake, versions: Registry, profiles: DataFrame, day: date, champion: NamedKinds | None) -> None:
    callers, topics = _callers(profiles, champion)
    kinds, candidates = repeat_callers.fit(callers, topics, champion.kinds if champion else None)
    # Those of later dates too: an older one may be made after them.
    known = max((row["cluster_id"] for row in lake.records(CHANGES)), default=0)
    first_id = max(champion.next_id if champion else 1, known + 1)
    fitted, changes = named_kinds.christened(kinds, callers, champion, first_id)
    chosen = next(each for each in candidates if each.number == kinds.number)
    quality = repeat_callers.quality(kinds, callers)
    metrics = {"callers": float(len(callers)), "silhouette": quality, "stability": chosen.stability}
    for each in candidates:
        metrics[f"silhouette_of_{each.number}"] = each.silhouette
        metrics[f"stability_of_{each.number}"] = each.stability
    told = [[each.cluster.cluster_id, each.cluster.name, each.change, each.callers] for each in changes]
    version = versions.register(
        repeat_callers.NAME,
        kinds.pipeline,
        # The store keeps it: nobody's own figures.
        kinds.frame(callers).mean().to_frame().T,
        day,
        beside={**fitted.beside(), "changes": told, "silhouette": quality, "stability": chosen.stability},
        parameters={"kinds": kinds.number, "seed": repeat_callers.SEED, "topics": len(kinds.topics)},
        metrics=metrics,
        tags={"date": str(day), "code_version": __version__, PROFILES.name: f"version {lake.version(PROFILES)}"},
    )
    standing = repeat_callers.quality(champion.kinds, callers) if champion else None
    if standing is None:
        versions.promote(version, day, "the first")
    elif quality >= standing - MAY_BE_WORSE:
        versions.promote(version, day, f"silhouette {quality:.3f}, the champion's {standing:.3f} on the same callers")
    else:
        versions.reject(version, f"silhouette {quality:.3f}, the champion's {standing:.3f} on the same callers")


def _callers(profiles: DataFrame, champion: NamedKinds | None) -> tuple[pd.DataFrame, dict[str, float]]:
    """Callers to learn from, in the order of their keys, and how many calls of all were about each topic."""
    identified = profiles.where("is_identified")
    told = identified.select(F.explode("topics").alias("topic", "calls")).groupBy("topic").agg(F.sum("calls"))
    topics = {topic: float(calls) for topic, calls in told.orderBy("topic").collect()}
    columns = repeat_callers.topic_columns_of(topics, champion.kinds.topics if champion else ())
    chosen = identified.orderBy(F.xxhash64("caller_key"), "caller_key").limit(MOST_FITTED)
    frame: pd.DataFrame = compared(chosen, repeat_callers.COLUMNS, columns).toPandas()
    return frame.sort_values("caller_key").reset_index(drop=True), topics


def _record(lake: Lake, versions: Registry, day: date) -> None:
    """Writes down what the fit of the date did to the kinds, if one was promoted."""
    version = versions.champion(repeat_callers.NAME, day)
    if version is None or version.promoted_on != day:
        return
    beside = versions.load(version)[1]
    rows = [_row(version, beside, *each) for each in beside["changes"]]
    if rows != lake.records(CHANGES, ("as_of", "=", day)):
        lake.record(CHANGES, rows, f"as_of = DATE'{day}'")


def _row(
    version: Version, beside: dict[str, Any], cluster_id: int, name: str, change: str, callers: int | None
) -> dict[str, Any]:
    return {
        "as_of": version.fitted_on,
        "cluster_id": cluster_id,
        "cluster_name": name,
        "change": change,
        "callers": callers,
        "silhouette": beside["silhouette"],
        "stability": beside["stability"],
        "model_version": version.label,
    }


def _loaded(versions: Registry, version: Version | None) -> NamedKinds | None:
    if version is None:
        return None
    pipeline, beside = versions.load(version)
    return named_kinds.restored(pipeline, beside, version.label)
