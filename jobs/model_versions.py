"""The registry of models as configured: MLflow's own variable, else a store of this checkout."""

import fcntl
import os
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.settings import Settings

if TYPE_CHECKING:
    from models.registry import Registry

FITTED_EVERY_DAYS = 7
SQLITE = "sqlite:///"


def registry(settings: Settings) -> "Registry":
    """The versions of the models of this lake."""
    from models.registry import Registry

    uri, artifacts = store(settings)
    if artifacts is None:
        return Registry(uri, settings.lake, None)
    # Two tasks of a first night would both make the tables of a new store, and one of them would fail.
    with (artifacts.parent / "store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Registry(uri, settings.lake, artifacts)


def may_hold_models(settings: Settings) -> bool:
    """Whether there is a store at all: MLflow takes seconds to import, which a lake without models need not pay."""
    uri, _ = store(settings)
    return not uri.startswith(SQLITE) or Path(uri.removeprefix(SQLITE)).exists()


def is_due(versions: "Registry", model: str, day: date) -> bool:
    """Whether a fit is due at the date: none of the last week, its own date included, came to a decision."""
    fresh = day - timedelta(days=FITTED_EVERY_DAYS)
    return not any(each.fitted_on > fresh and each.is_decided for each in versions.versions(model, day))


def store(settings: Settings) -> tuple[str, Path | None]:
    """MLflow's tracking URI, and where files go; None where the tracking server says."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{settings.local / 'mlflow/mlflow.db'}"
    if not uri.startswith(SQLITE):
        return uri, None
    folder = Path(uri.removeprefix(SQLITE)).absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    return uri, folder / "artifacts"
