"""One Spark server for all tests, and small worlds of files and a lake around it."""

import gzip
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[1]
SHARED_DATA = REPO.parent / "shared/data"
OF_SMALL_PLANS = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Of a Spark server of tests: they make many small plans over a few rows, and compiling them costs more than it gives.
What is compiled must find room, or the JVM throws it away and begins again."""


class World:
    """A landing folder and a lake of its own, on the tests' Spark server."""

    def __init__(self, root: Path, remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.landing = root / "landing"
        self.lake = root / "lake"
        self._remote = remote
        self._monkeypatch = monkeypatch
        self.warnings: list[str] = []
        self.landing.mkdir(parents=True, exist_ok=True)
        self.configure()

    def configure(self, **configuration: Any) -> None:
        """A deployment's own configuration, on top of the tests' Spark."""
        file = self.root / f"conf-{len(list(self.root.glob('conf-*')))}.yaml"
        file.write_text(yaml.safe_dump({**configuration, "spark": {"remote": self._remote}}))
        for name, value in {
            "ECHOLAKE_CONF": file,
            "ECHOLAKE_LANDING": self.landing,
            "ECHOLAKE_LAKE": self.lake,
            "ECHOLAKE_DELIVERY": self.root / "delivery",
            "ECHOLAKE_PII_KEY_FILE": self.root / "pseudonym.key",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root}/mlflow/mlflow.db",
        }.items():
            self._monkeypatch.setenv(name, str(value))

    def drop(self, feed: str, ds: str, content: str | bytes, name: str | None = None) -> Path:
        """Drops a file of a feed's batch; a name that ends in .gz is packed."""
        file = self.landing / feed / f"ds={ds}" / (name or f"{feed}.csv")
        file.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        is_plain = file.suffix == ".gz" and not data.startswith(b"\x1f\x8b")
        file.write_bytes(gzip.compress(data) if is_plain else data)
        return file

    def land(self, feed: str, *days: str) -> list[Any]:
        """Lands batches of one feed; returns their account."""
        from jobs import landed, runner
        from jobs.settings import read_settings
        from jobs.tables import FEEDS

        settings = read_settings()
        declared = next(each for each in FEEDS if each.name == feed)
        dates = [date.fromisoformat(day) for day in days]
        result = landed.land(runner.open_lake(settings), declared, dates, settings, _expect_nothing)
        self.warnings = result.warnings
        return result.batches

    def land_and_record(self, feed: str, day: str) -> None:
        """Lands a batch as a night does, with its account in ops.batches."""
        from jobs import night

        night.make_table(f"bronze.{feed}", date.fromisoformat(day), "test")

    def make(self, table: str, *days: str) -> int:
        """Makes one table for these dates."""
        from jobs import runner
        from jobs.settings import read_settings

        return runner.run(table, [date.fromisoformat(day) for day in days], "test", read_settings()).rows

    def pass_gate(self, day: str) -> None:
        """Says that a date's feeds passed the gate."""
        from datetime import UTC, datetime

        from jobs import ops, runner
        from jobs.settings import read_settings

        lake = runner.open_lake(read_settings())
        ops.write_nights(lake, [date.fromisoformat(day)], "test", passed_gate_at=datetime.now(UTC))

    def rows(
        self, table: str, *columns: str, order: str | None = None, lake: Path | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of a table of this lake (or another) as another reader than Spark sees them."""
        import duckdb
        from deltalake import DeltaTable

        layer, name = table.split(".")
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            db.register("rows_of_table", DeltaTable((lake or self.lake) / layer / name).to_pyarrow_dataset())
            listed = ", ".join(columns) or "*"
            return db.execute(f"SELECT {listed} FROM rows_of_table ORDER BY {order or 'ALL'}").fetchall()

    def everything(self, lake: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of every table of this lake (or another) but ops, without when they were loaded."""
        from jobs.tables import TABLES

        found = {}
        for table in TABLES.values():
            if table.layer != "ops" and ((lake or self.lake) / table.layer / table.short_name).exists():
                columns = [f'"{name}"' for name in table.column_names if name != "loaded_at"]
                found[table.name] = self.rows(table.name, *columns, lake=lake)
        return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first: they take longest, and the other core has the rest meanwhile."""
    items.sort(key=lambda item: not {"nightly", "places"} & {*item.path.parts})


def _expect_nothing(*_: object) -> None:
    """For tests of what comes before the expectations."""


@pytest.fixture(scope="session")
def spark_remote(spark_server: tuple[str, Path]) -> str:
    """Address of the tests' Spark Connect server."""
    return spark_server[0]


@pytest.fixture(scope="session")
def server_log(spark_server: tuple[str, Path]) -> Path:
    """What the tests' Spark Connect server logs."""
    return spark_server[1]


@pytest.fixture(scope="session")
def spark_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The tests' Spark Connect server: its address, and its log."""
    from jobs import session
    from jobs.settings import read_settings

    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("server")
    (folder / "conf.yaml").write_text(yaml.safe_dump({"spark": {"conf": OF_SMALL_PLANS}}))
    os.environ["ECHOLAKE_LAKE"] = str(folder)
    os.environ["ECHOLAKE_CONF"] = str(folder / "conf.yaml")
    settings = read_settings()
    os.environ.clear()
    os.environ.update(before)
    yield session.ensure_server(settings), session.log_file(settings)
    session.stop_server(settings)


@pytest.fixture
def world(tmp_path: Path, spark_remote: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty world."""
    return World(tmp_path, spark_remote, monkeypatch)


@pytest.fixture(scope="module")
def module_world(tmp_path_factory: pytest.TempPathFactory, spark_remote: str) -> Iterator[World]:
    """A world that the tests of a module share."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield World(tmp_path_factory.mktemp("world"), spark_remote, monkeypatch)


@pytest.fixture
def spark(world: World) -> Any:
    """A session on the tests' server."""
    from jobs.session import connect
    from jobs.settings import read_settings

    return connect(read_settings())
