"""The same tables come out wherever Spark runs and the lake lies: all tables by `python -m bench.places`."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sample
from bench import places, servers
from jobs import session, spark_conf, submission
from jobs.errors import DataError
from jobs.settings import ROOT, read_settings

LAST = places.FIRST + timedelta(days=1)
ALONG = "silver.caller_history"
"""Written along with gold.repeat_calls."""
TABLES = (
    "bronze.customers",
    "bronze.calls",
    "silver.customers_versions",
    "silver.calls",
    ALONG,
    "gold.repeat_calls",
)
"""Of the ways to make a table some: the door, whose Python runs on executors, merges, carried state, windows."""

needs_s3 = pytest.mark.skipif(not servers.has_s3(), reason="needs a server of S3: make s3")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    sample.write(folder / "landing", places.FIRST, LAST)
    return folder


@pytest.fixture(scope="module")
def at_home(world: Path) -> places.Rows:
    """The tables as a server that Echolake starts makes them."""
    lake = _made("local", world)
    assert set(lake) == set(TABLES)
    # Of so short a history nobody is carried.
    assert [name for name in TABLES if not lake[name]] == [ALONG]
    return lake


@pytest.mark.parametrize("place", ["connect", "submit", pytest.param("s3", marks=needs_s3)])
def test_the_same_tables_come_out_in_every_place(place: str, world: Path, at_home: places.Rows) -> None:
    assert places.differences(at_home, _made(place, world), f"local, {place}") == []


def test_lakes_that_differ_are_told_apart() -> None:
    one: places.Rows = {"gold.service_kpis": [(1, "x"), (2, "y")], "gold.repeat_calls": [(1,)]}
    other: places.Rows = {"gold.service_kpis": [(1, "x"), (2, "z")]}
    assert places.differences(one, other, "here, there") == [
        "here, there: gold.repeat_calls is in one of them alone",
        "here, there: gold.service_kpis has 2 and 2 rows, 1 of them the same; apart in queue",
    ]


def test_a_step_of_a_dag_runs_where_an_airflow_connection_says_and_its_error_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf.yaml").write_text("spark: {remote: classic, connection: cluster}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    monkeypatch.setenv("ECHOLAKE_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("ECHOLAKE_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", '{"conn_type": "spark", "host": "local[1]"}')
    with pytest.raises(DataError, match="calls 2026-01-06: no file") as raised:
        submission.step("run_table", read_settings(), name="bronze.calls", date="2026-01-06", run_id="test")
    assert raised.value.todo.startswith("have the source deliver it")


def test_a_server_that_others_started_again_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, conf = session.free_port(), tmp_path / "conf.yaml"
    conf.write_text(f"spark: {{remote: 'sc://localhost:{port}', conf: {{spark.master: 'local[1]'}}}}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(conf))
    try:
        for _ in range(2):
            with servers.connect_server(read_settings(), tmp_path / "server", port) as (_, token):
                monkeypatch.setenv(session.TOKEN_VARIABLE, token)
                assert session.connect(read_settings()).range(3).count() == 3
    finally:
        session.disconnect()


def test_classic_outside_of_spark_submit_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.yaml").write_text("spark: {remote: classic}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    with pytest.raises(DataError, match="spark-submit"):
        session.connect(read_settings())


def _made(place: str, world: Path) -> places.Rows:
    with places.at(place, world) as environment:
        steps = [name for name in TABLES if name != ALONG]
        application = [str(Path(__file__).with_name("make_tables.py")), str(places.FIRST), str(LAST), *steps]
        command = [sys.executable]
        if place == "submit":
            properties = world / place / "spark.conf"
            with places.acting_as(environment):
                spark_conf.write(read_settings(), properties)
            environment |= {**spark_conf.python_environment(), "JAVA_HOME": session.java_home()}
            command = [f"{environment['SPARK_HOME']}/bin/spark-submit", "--properties-file", str(properties)]
        run: dict[str, Any] = {"env": {**environment, "PYTHONPATH": str(ROOT)}, "cwd": world, "check": False}
        done = subprocess.run([*command, *application], capture_output=True, text=True, **run)
        assert done.returncode == 0, done.stderr[-4000:]
        return places.read(environment, TABLES)


def test_no_secret_is_on_a_command_line_or_readable_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.yaml").write_text("spark: {conf: {spark.authenticate: true}}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    # Java's properties take a backslash out, so that the driver would have another secret than its master.
    monkeypatch.setenv(spark_conf.AUTH_SECRET, r"a-\secret-of-the-cluster")
    spark_conf.write(read_settings(), tmp_path / "spark.conf")
    assert r"spark.authenticate.secret a-\\secret-of-the-cluster" in (tmp_path / "spark.conf").read_text().splitlines()
    assert (tmp_path / "spark.conf").stat().st_mode & 0o077 == 0


def test_the_configuration_of_production_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_ENV", "prod")
    monkeypatch.delenv("ECHOLAKE_CONF", raising=False)
    settings = read_settings()
    assert settings.configuration.spark.remote.startswith("sc://")
    told = spark_conf.properties(settings)
    assert told["spark.master"].startswith("spark://")
    assert "delta-spark" in told["spark.jars"], "executors elsewhere get the jars"
