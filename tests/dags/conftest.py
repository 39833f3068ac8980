"""An Airflow of the tests' own: nothing here touches the checkout's or the user's."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without a database; reading DAGs needs none."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AIRFLOW_HOME", str(home))
        monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        monkeypatch.delenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", raising=False)
        yield home
