"""A past date finds the champion that it had, lakes do not see each other's, and files run no code when read."""

import pickle
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.linear_model import LinearRegression

from models.registry import Registry, Version

DAY = date(2026, 1, 31)
ROWS = pd.DataFrame({"x": [0.0, 1.0, 2.0]})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


def registry(store: Path, lake: str = "lake") -> Registry:
    return Registry(f"sqlite:///{store}/mlflow.db", lake, store / "artifacts")


def fitted(versions: Registry, model: str, day: date, slope: float) -> Version:
    estimator = LinearRegression().fit(ROWS, slope * ROWS["x"])
    return versions.register(
        model, estimator, ROWS, day, beside={"slope": slope}, parameters={"seed": 7}, metrics={"auc": 0.8},
        tags={"date": str(day)},
    )  # fmt: skip


def test_the_champion_of_a_date_is_the_version_promoted_last_by_then(store: Path) -> None:
    versions = registry(store)
    assert versions.champion("one", DAY) is None
    first = versions.promote(fitted(versions, "one", DAY, 1), DAY, "the first")
    worse = fitted(versions, "one", DAY + timedelta(days=7), 2)
    assert [each.reason for each in versions.versions("one", DAY + timedelta(days=7))] == ["the first", None]
    versions.reject(worse, "worse")
    better = versions.promote(fitted(versions, "one", DAY + timedelta(days=14), 3), DAY + timedelta(days=14), "better")
    found = [versions.champion("one", DAY + timedelta(days=n)) for n in (-1, 0, 7, 13, 14)]
    assert found == [None, first, first, first, better]
    assert [each.reason for each in versions.versions("one", DAY + timedelta(days=14))] == [
        "the first",
        "worse",
        "better",
    ]


def test_a_version_is_read_as_it_was_fitted_with_what_stood_beside_it(store: Path) -> None:
    versions = registry(store)
    estimator, beside = versions.load(fitted(versions, "two", DAY, 2))
    assert np.allclose(estimator.predict(ROWS), [0, 2, 4])
    assert beside == {"slope": 2}
    assert not list(store.rglob("*.pkl"))
    assert list(store.rglob("*.skops"))


def test_lakes_that_share_a_store_do_not_see_each_others_models(store: Path) -> None:
    versions = registry(store)
    versions.promote(fitted(versions, "three", DAY, 1), DAY, "the first")
    assert registry(store, "another").champion("three", DAY) is None
    assert registry(store).champion("three", DAY) is not None


def test_a_rollback_brings_the_champion_before_back_and_past_dates_keep_theirs(store: Path) -> None:
    versions = registry(store)
    later = DAY + timedelta(days=30)
    first = versions.promote(fitted(versions, "four", DAY, 1), DAY, "the first")
    versions.promote(fitted(versions, "four", later, 2), later, "better")
    present, before = versions.roll_back("four", later)
    assert present is not None
    assert before is not None
    assert (present.number, before.number) == (2, first.number)
    now = versions.champion("four", later)
    assert now is not None
    assert now.number == first.number
    assert now.promoted_on == DAY
    reigned = versions.champion("four", later - timedelta(days=1))
    assert reigned is not None
    assert reigned.number == first.number


def test_the_only_champion_taken_back_leaves_none_from_that_date_on(store: Path) -> None:
    versions = registry(store)
    versions.promote(fitted(versions, "five", DAY, 1), DAY, "the first")
    assert versions.roll_back("five", DAY + timedelta(days=2))[1] is None
    assert versions.champion("five", DAY + timedelta(days=2)) is None
    assert versions.champion("five", DAY + timedelta(days=1)) is not None
    assert versions.roll_back("five", DAY + timedelta(days=3)) == (None, None)


def test_a_champion_that_was_taken_back_never_comes_back_by_a_rollback(store: Path) -> None:
    versions = registry(store)
    days = [DAY + timedelta(days=n) for n in range(5)]
    for day in days[:3]:
        versions.promote(fitted(versions, "seven", day, 1), day, "better")
    told = [versions.roll_back("seven", days[3]) for _ in range(3)]
    numbers = [tuple(each and each.number for each in pair) for pair in told]
    assert numbers == [(3, 2), (2, 1), (1, None)]
    versions.promote(fitted(versions, "seven", days[4], 2), days[4], "better")
    assert versions.roll_back("seven", days[4])[1] is None


def test_a_promotion_killed_at_any_step_is_either_made_or_not_decided(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = registry(store)
    for step in ("set_registered_model_alias", "set_model_version_tag"):
        version = fitted(versions, f"eight {step}", DAY, 1)
        with monkeypatch.context() as killed:
            killed.setattr(versions._client, step, _kill)
            with pytest.raises(KeyboardInterrupt):
                versions.promote(version, DAY, "the first")
        [left] = versions.versions(version.model, DAY)
        assert left.is_decided == (versions.champion(version.model, DAY) is not None)
        versions.promote(left, DAY, "the first")
        [made] = versions.versions(version.model, DAY)
        assert (made.is_decided, made.reason) == (True, "the first")
    version = fitted(versions, "eight", DAY, 1)
    with monkeypatch.context() as killed:
        killed.setattr(versions, "_note", _kill)
        with pytest.raises(KeyboardInterrupt):
            versions.promote(version, DAY, "the first")
    assert not versions.versions("eight", DAY)[0].is_decided


def _kill(*told: Any) -> None:
    raise KeyboardInterrupt


def test_the_store_does_not_say_what_may_be_read(store: Path) -> None:
    """Whoever can write to the store must not thereby run code where models are read."""
    versions = registry(store)
    version = fitted(versions, "six", DAY, 1)
    [file] = [each for each in store.rglob("model.skops") if "six" in each.parts]
    whole = file.read_bytes()
    witness = store / "ran"
    skops.io.dump(Opener(witness), file)
    _say(file.parent / "MLmodel", skops_trusted_types=[f"{Opener.__module__}.Opener", "pathlib.PosixPath"])
    with pytest.raises(ValueError, match=r"types that models\.registry trusts"):
        versions.load(version)
    file.unlink()
    (file.parent / "model.pkl").write_bytes(pickle.dumps(Opener(witness)))
    _say(file.parent / "MLmodel", serialization_format="pickle", pickled_model="model.pkl")
    with pytest.raises(ValueError, match=r"found no model\.skops"):
        versions.load(version)
    assert not witness.exists()
    file.write_bytes(whole)
    assert np.allclose(versions.load(version)[0].predict(ROWS), [0, 1, 2])


class Opener:
    """Runs code when it is read: makes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.witness,)

    def __setstate__(self, state: dict[str, Path]) -> None:
        state["witness"].touch()


def _say(file: Path, **said: Any) -> None:
    told = yaml.safe_load(file.read_text())
    told["flavors"]["sklearn"] |= said
    told["flavors"]["python_function"] |= {"model_path": said.get("pickled_model", "model.skops")}
    file.write_text(yaml.safe_dump(told))
