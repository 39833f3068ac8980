"""Models and their versions: the only module that talks to MLflow."""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

# Set before the import: it must not call home, and its migrations log a line each.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
for _name in ("alembic", "mlflow.store.db.utils", "mlflow.utils.environment", "mlflow.models.model"):
    logging.getLogger(_name).setLevel(logging.ERROR)

import mlflow  # noqa: E402
import mlflow.sklearn  # noqa: E402
import pandas as pd  # noqa: E402
import skops.io  # noqa: E402
from mlflow.entities.model_registry import ModelVersion  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from skops.io.exceptions import UntrustedTypesFoundException  # noqa: E402

CHAMPION, CHALLENGER = "champion", "challenger"
EVENTS, PROMOTED, RETIRED = "events", "promoted", "retired"
MODEL, BESIDE = "model", "beside.json"
FILE = "model.skops"
TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
)
"""What a model's file may be made of beside what skops knows to be harmless. Said here, never by the store."""
REQUIREMENTS = ("scikit-learn", "numpy", "scipy", "pandas", "skops")


@dataclass(frozen=True)
class Version:
    """A version of a model: when it was fitted, when it was made champion or taken back, its run."""

    model: str
    number: int
    fitted_on: date
    events: tuple[tuple[date, int, str], ...]
    """Date, place among all events of the model, and what happened: PROMOTED or RETIRED."""
    run_id: str
    reason: str | None
    """Why it was promoted or not."""

    @property
    def is_decided(self) -> bool:
        """Whether it was promoted or not; a fit that was killed before that is not."""
        return bool(self.events) or self.reason is not None

    @property
    def promoted_on(self) -> date | None:
        """From which date on it first was champion; None: never."""
        return min((day for day, _, what in self.events if what == PROMOTED), default=None)

    @property
    def label(self) -> str:
        """What a scored row says of its model."""
        return str(self.number)


class Registry:
    """The versions of the models of one lake."""

    def __init__(self, uri: str, lake: str, artifacts: Path | None) -> None:
        """`uri`: MLflow's tracking URI. `artifacts`: where files go, None where a tracking server says."""
        mlflow.set_tracking_uri(uri)
        self._client = mlflow.MlflowClient(uri)
        self._lake = lake
        self._artifacts = artifacts
        # MLflow opens, and makes, its store when it is first asked.
        self._client.search_registered_models(max_results=1)

    def champion(self, model: str, day: date) -> Version | None:
        """The version that was champion at the end of the date; None: none was yet, or the last was taken back."""
        happened = self._happened(model, day)
        return happened[-1][1] if happened and happened[-1][0][2] == PROMOTED else None

    def versions(self, model: str, day: date) -> list[Version]:
        """The versions that were fitted by the date, oldest first."""
        found = self._client.search_model_versions(f"name = '{model}'")
        known = [_version(each) for each in found if each.tags.get("lake") == self._lake]
        return sorted((each for each in known if each.fitted_on <= day), key=lambda each: each.number)

    def load(self, version: Version) -> tuple[Any, dict[str, Any]]:
        """The estimator, and what was noted beside it.

        Raises:
            ValueError: the file may run code when it is read: it is no skops, or holds more than TRUSTED.
        """
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{version.model}/{version.number}"))
        beside = mlflow.artifacts.load_dict(f"runs:/{version.run_id}/{BESIDE}")
        # MLflow's own loader believes the folder: what format it is, pickle included, and what it may hold.
        if not (folder / FILE).exists():
            raise _unsafe(version, f"no {FILE}")
        try:
            return skops.io.load(folder / FILE, trusted=list(TRUSTED)), beside
        except UntrustedTypesFoundException as error:
            raise _unsafe(version, f"other types: {error}") from None

    def register(
        self,
        model: str,
        estimator: Any,
        example: pd.DataFrame,
        fitted_on: date,
        *,
        beside: Mapping[str, Any],
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Mapping[str, str] | None = None,
    ) -> Version:
        """Logs a fit as a run and registers it as challenger.

        `beside`: what else the model needs, JSON-able. `files`: texts by name.
        """
        experiment = self._experiment(model)
        with mlflow.start_run(experiment_id=experiment, run_name=f"{model} {fitted_on}", tags=dict(tags)) as run:
            mlflow.log_params(dict(parameters))
            mlflow.log_metrics(dict(metrics))
            mlflow.log_text(json.dumps(dict(beside), ensure_ascii=False, indent=1), BESIDE)
            for name, text in (files or {}).items():
                mlflow.log_text(text, name)
            logged = mlflow.sklearn.log_model(
                estimator,
                name=MODEL,
                serialization_format="skops",
                skops_trusted_types=list(TRUSTED),
                signature=infer_signature(example, estimator.predict(example)),
                input_example=example.head(3),
                pip_requirements=[f"{name}=={version_of(name)}" for name in REQUIREMENTS],
            )
        with suppress(MlflowException):  # it is there already
            self._client.create_registered_model(model)
        made = self._client.create_model_version(
            model,
            logged.model_uri,
            run_id=run.info.run_id,
            tags={"lake": self._lake, "fitted_on": str(fitted_on)},
        )
        self._client.set_registered_model_alias(model, CHALLENGER, made.version)
        return _version(made)

    def promote(self, version: Version, day: date, reason: str) -> Version:
        """Makes a version champion from the date on."""
        number = str(version.number)
        self._client.set_registered_model_alias(version.model, CHAMPION, number)
        # The event decides, so that a kill before it leaves all of it to be done again.
        self._note(version, day, PROMOTED)
        self._client.set_model_version_tag(version.model, number, "reason", reason)
        return _version(self._client.get_model_version(version.model, number))

    def roll_back(self, model: str, day: date) -> tuple[Version | None, Version | None]:
        """From the date on the champion before the present one is champion again; returns the present and that one.

        Where there was none before, there is none again: a rule takes over.
        """
        present = self.champion(model, day)
        if present is None:
            return None, None
        before = [each for each in self._standing(model, day) if each.number != present.number]
        if before:
            self._note(before[-1], day, PROMOTED)
            self._client.set_registered_model_alias(model, CHAMPION, str(before[-1].number))
            return present, before[-1]
        self._note(present, day, RETIRED)
        self._client.delete_registered_model_alias(model, CHAMPION)
        return present, None

    def reject(self, version: Version, reason: str) -> None:
        """Notes why a challenger was not promoted."""
        self._client.set_model_version_tag(version.model, str(version.number), "reason", reason)

    def _standing(self, model: str, day: date) -> list[Version]:
        """The champions up to the date that were not taken back, the one that reigns last."""
        found: list[Version] = []
        for (_, _, what), version in self._happened(model, day):
            numbers = [each.number for each in found]
            if version.number in numbers:
                # It came back, so those after it were taken back.
                del found[numbers.index(version.number) :]
            if what == PROMOTED:
                found.append(version)
        return found

    def _note(self, version: Version, day: date, what: str) -> Version:
        place = max((event[1] for event, _ in self._happened(version.model, date.max)), default=0) + 1
        events = [[str(day), order, event] for day, order, event in version.events] + [[str(day), place, what]]
        self._client.set_model_version_tag(version.model, str(version.number), EVENTS, json.dumps(events))
        return _version(self._client.get_model_version(version.model, str(version.number)))

    def _happened(self, model: str, day: date) -> list[tuple[tuple[date, int, str], Version]]:
        """The events up to the date with their versions, oldest first."""
        found = [(event, each) for each in self.versions(model, day) for event in each.events if event[0] <= day]
        return sorted(found, key=lambda each: each[0])

    def _experiment(self, model: str) -> str:
        found = self._client.get_experiment_by_name(model)
        if found is not None:
            return str(found.experiment_id)
        place = None if self._artifacts is None else (self._artifacts / model).as_uri()
        return str(self._client.create_experiment(model, artifact_location=place))


def _unsafe(version: Version, found: str) -> ValueError:
    return ValueError(
        f"model {version.model} version {version.number}: expected {FILE} of types that models.registry trusts; "
        f"found {found}; to do: see who wrote to the store, and go back to a version of yours (make rollback)"
    )


def _version(found: ModelVersion) -> Version:
    events = json.loads(found.tags.get(EVENTS, "[]"))
    return Version(
        model=found.name,
        number=int(found.version),
        fitted_on=date.fromisoformat(found.tags["fitted_on"]),
        events=tuple((date.fromisoformat(day), order, what) for day, order, what in events),
        run_id=str(found.run_id),
        reason=found.tags.get("reason"),
    )
