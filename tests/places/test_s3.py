"""A lake on S3: of two who write one version exactly one wins, whoever they are, and nights exclude each other."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from upath import UPath

from bench import servers
from jobs import csv_reader, lock, prompt, session, sources, spark_conf
from jobs.errors import DataError, LakeBusyError
from jobs.rights.person import Person
from jobs.rights.plan import Plan
from jobs.settings import ROOT, Settings, read_settings
from jobs.source_settings import Source
from jobs.sources import SourceFile
from jobs.table_logs import TableLogs
from jobs.tables import FEEDS, TABLES

pytestmark = pytest.mark.skipif(not servers.has_s3(), reason="needs a server of S3: make s3")

COMMITS = 5
LONGEST_SECONDS = 600


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3]:
    with servers.s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def settings(s3: servers.S3, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Settings:
    """Settings with a lake of the test's own in the bucket."""
    for name, value in {**s3.environment, "ECHOLAKE_LAKE": f"s3://{s3.bucket}/{request.node.name}"}.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_a_lake_may_be_named_as_aws_does(settings: Settings, s3: servers.S3) -> None:
    assert settings.lake.startswith(f"s3a://{s3.bucket}/")


def test_no_commit_of_two_drivers_and_delta_rs_is_lost(settings: Settings, tmp_path: Path) -> None:
    table = f"{settings.lake}/appends"
    conf = spark_conf.properties(settings) | {"spark.master": "local[1]", "spark.driver.memory": "1g"}
    conf["spark.local.dir"] = str(tmp_path)
    (tmp_path / "spark.conf").write_text("".join(f"{key} {value}\n" for key, value in conf.items()))
    first = pa.table({"writer": ["nobody"], "number": pa.array([0], pa.int32())})
    write_deltalake(table, first)
    script = str(Path(__file__).with_name("append_rows.py"))
    environment = {**os.environ, **spark_conf.python_environment(), "JAVA_HOME": session.java_home()}
    submit = [
        f"{environment['SPARK_HOME']}/bin/spark-submit",
        "--properties-file",
        str(tmp_path / "spark.conf"),
        script,
    ]
    told = {name: tmp_path / name for name in ("one", "other")}
    drivers = {}
    for name, file in told.items():
        # Into a file: a pipe that nobody reads while they run would stop them once it is full.
        with file.open("w") as output:
            command = [*submit, table, name, str(COMMITS)]
            drivers[name] = subprocess.Popen(command, env=environment, stderr=output, cwd=tmp_path)
    ours = 0
    while ours < COMMITS and any(driver.poll() is None for driver in drivers.values()):
        added = pa.table({"writer": ["delta-rs"], "number": pa.array([ours], pa.int32())})
        try:
            write_deltalake(table, added, mode="append")
            ours += 1
        except DeltaError as error:
            # S3Proxy lists a folder while it changes, so that a reader may see a version and not the one before it.
            if not any(known in str(error) for known in ("contiguous", "Invalid table version")):
                raise
        # A driver takes seconds for a commit, and begins anew when it comes second: on a slow machine it always would
        # if this never paused, nor ended.
        time.sleep(2)
    for name, driver in drivers.items():
        assert driver.wait(LONGEST_SECONDS) == 0, told[name].read_text()[-2000:]
    stored = DeltaTable(table)
    rows = stored.to_pyarrow_table().to_pylist()
    found = {name: sorted(row["number"] for row in rows if row["writer"] == name) for name in ("one", "other")}
    assert found == {"one": [*range(COMMITS)], "other": [*range(COMMITS)]}
    # Whose listing failed after the commit wrote its row again.
    assert {row["number"] for row in rows if row["writer"] == "delta-rs"} >= {*range(ours)}
    assert stored.version() + 1 == len(rows), "a version each"


def test_of_many_nights_that_begin_at_once_one_has_the_lake(settings: Settings) -> None:
    others = [_taker(settings, f"run {number}") for number in range(6)]
    took = [other.stdout.readline().strip() for other in others if other.stdout]
    for other in others:
        # Who took it lives until here: the lock of a process that has ended is free.
        other.communicate("")
    assert sorted(took) == ["busy"] * 5 + ["took"]


def test_a_lock_is_kept_renewed_and_given_back(settings: Settings) -> None:
    lock.take(settings, "night", "process")
    lock.touch(settings, "night")
    assert lock.is_held_by(settings, "night")
    with pytest.raises(LakeBusyError, match="night"):
        lock.take(settings, "another", "process")
    lock.release(settings, "another")
    assert lock.is_held_by(settings, "night")
    lock.release(settings, "night")
    assert not lock.take(settings, "another", "process")


def test_threads_that_change_the_lock_lose_no_change(settings: Settings) -> None:
    from jobs import object_lock

    def count() -> None:
        for _ in range(5):
            object_lock.change(settings.lake, lock._read, lambda held: {"n": held.get("n", 0) + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert object_lock.change(settings.lake, lock._read, lambda held: held) == {"n": 20}


def test_the_sql_prompt_reads_the_lake(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs = TableLogs(settings.lake)
    logs.record(TABLES["ops.nights"], [], "false")
    assert prompt.run("SELECT count(*) AS nights FROM ops.nights", None) == 0
    assert "nights" in capsys.readouterr().out


def test_files_of_a_landing_on_s3_are_found(
    settings: Settings, s3: servers.S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOLAKE_LANDING", f"s3://{s3.bucket}/landing")
    landing = read_settings().landing
    UPath(landing, "calls/ds=2026-01-06/a b.csv").write_text("call_id\n")
    source = Source(path="calls/ds={ds}/*")
    (found,) = sources.find(source, landing, [date(2026, 1, 6)])[date(2026, 1, 6)]
    assert found.uri == f"s3a://{s3.bucket}/landing/calls/ds=2026-01-06/a b.csv"
    assert found.name == "calls/ds=2026-01-06/a b.csv"
    assert found.bytes == len("call_id\n")


@pytest.mark.parametrize("name", ["calls.csv", "calls.csv.gz"])
def test_a_header_is_read_on_s3(settings: Settings, s3: servers.S3, name: str) -> None:
    content = b"# of cards\ncard_id,customer_id,updated_at\n" + b"K1,C1,2026-01-05 10:00:00\n" * 100_000
    file = UPath(f"s3a://{s3.bucket}/{name}")
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    (feed,) = (feed for feed in FEEDS if feed.name == "cards")
    found = SourceFile(str(file), name, len(content), datetime.now(UTC))
    header = csv_reader.header_of(feed, Source(options={"comment": "#"}), found)
    assert header == (("card_id", "customer_id", "updated_at"), 1)
    long = UPath(f"s3a://{s3.bucket}/long-{name}")
    endless = b"x" * (csv_reader.LONGEST_HEADER + 2)
    long.write_bytes(gzip.compress(endless) if name.endswith(".gz") else endless)
    with pytest.raises(DataError, match="its first line is longer"):
        csv_reader.header_of(feed, Source(), replace(found, uri=str(long)))


@pytest.mark.parametrize("place", ["cards/{yyyy}/c*.csv", "cards/2026/", "cards/2026/c 1.csv"])
def test_a_feed_may_come_from_a_bucket_whose_lake_is_elsewhere(
    s3: servers.S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    configured = tmp_path / "conf.yaml"
    configured.write_text(f"feeds: {{cards: {{path: 's3://{s3.bucket}/{place}'}}}}\n")
    for name, value in {**s3.environment, "ECHOLAKE_CONF": str(configured), "ECHOLAKE_LAKE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    file = f"s3a://{s3.bucket}/cards/2026/c 1.csv"
    UPath(file).write_text("card_id\n")
    (feed,) = (feed for feed in FEEDS if feed.name == "cards")
    (found,) = sources.find(settings.source(feed), settings.landing, [date(2026, 1, 6)])[date(2026, 1, 6)]
    assert (found.uri, found.name) == (file, file)
    assert "spark.delta.logStore.s3a.impl" in spark_conf.properties(settings)


def test_an_erasures_plan_is_put_whole(settings: Settings) -> None:
    file = UPath(settings.lake, "vault", ".erasing-1.json")
    Plan(file, Person("C1"), found={"gold.calls": 1}).write()
    assert json.loads(file.read_text())["found"] == {"gold.calls": 1}
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_credentials_stand_in_no_property_of_spark(settings: Settings, s3: servers.S3) -> None:
    told = " ".join(f"{key} {value}" for key, value in spark_conf.properties(settings).items())
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in told


def _taker(settings: Settings, run_id: str) -> "subprocess.Popen[str]":
    code = (
        "import sys\n"
        "from jobs import lock\nfrom jobs.errors import LakeBusyError\nfrom jobs.settings import read_settings\n"
        f"try: lock.take(read_settings(), {run_id!r}, 'process'); print('took', flush=True); sys.stdin.read()\n"
        "except LakeBusyError: print('busy', flush=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
