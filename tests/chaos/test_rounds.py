"""A round can be repeated by its seed, faults of files are what they say, and a broken promise is the suite's failure."""

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

import sample
from chaos import __main__ as suite
from chaos import drops, faults
from chaos.errors import NotHereError
from chaos.lakes import ABSENT
from chaos.readers import PAUSE_SECONDS, Reader
from chaos.runs import Moment, Run
from chaos.stage import Stage
from tests.conftest import REPO

NIGHT = date(2026, 2, 10)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, sample.Sample]:
    landing = tmp_path_factory.mktemp("landing")
    return landing, sample.write(landing, NIGHT, NIGHT, customers=60)


def files(made: tuple[Path, Any]) -> list[tuple[str, Path]]:
    return [(file.parent.parent.name, file) for file in sorted(made[0].glob("*/*/*")) if "again" not in file.name]


def test_the_rows_of_each_kind_of_file_are_counted(made: tuple[Path, sample.Sample]) -> None:
    _, told = made
    counted = {feed: drops.rows_in(file) for feed, file in files(made)}
    assert counted == {feed: days[str(NIGHT)] for feed, days in told.rows.items() if str(NIGHT) in days}


def test_a_doubled_file_has_each_row_twice_and_a_reordered_one_once(made: tuple[Path, sample.Sample]) -> None:
    for _, file in files(made):
        rows, content = drops.rows_in(file), file.read_bytes()
        drops.reordered(file, Random(3))
        assert drops.rows_in(file) == rows
        said = {drops.doubled(file, Random(seed)).split()[-1] for seed in range(4)}
        assert said == {"doubled", "too"}, "either way of coming twice is tried"
        file.write_bytes(content)
        file.with_name(f"again-{file.name}").unlink()
        told = drops.cut(file, Random(1))
        assert file.read_bytes() == content[: int(told.split()[3])]
        file.write_bytes(content)


def test_the_same_seed_strikes_at_the_same_moment() -> None:
    moments = [[Moment.drawn(Random(f"{seed} kill-night"), 60) for seed in range(200)] for _ in range(2)]
    assert moments[0] == moments[1]
    assert {moment.tables for moment in moments[0]} >= {0, 60}, "also before the first table and after the last"


def test_a_process_that_is_struck_is_gone_and_one_that_ended_was_missed(tmp_path: Path) -> None:
    usual, at_once = [0.1, 0.1], Moment(0, 0.0)
    run = Run(("mlflow", "--help"), REPO, os.environ, tmp_path / "said")
    assert run.strike(at_once, usual, run.kill) == "before"
    assert run.wait() < 0
    assert not run.kill()
    run = Run(("mlflow", "--help"), REPO, os.environ, tmp_path / "said")
    assert run.strike(at_once, usual, lambda: False) == "missed", "a blow that found nobody"
    assert run.strike(Moment(1, 0.5), usual, run.kill) == "missed"
    assert run.wait() == 0
    assert "MLflow" in run.text


def test_two_suites_do_not_play_in_one_folder(tmp_path: Path) -> None:
    first, second = Stage(tmp_path), Stage(tmp_path)
    assert first.claim()
    assert not second.claim()


def test_a_reader_who_cannot_look_on_breaks_a_promise(tmp_path: Path) -> None:
    folder = tmp_path / f"delivery/{NIGHT}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("[]")
    reader = Reader(tmp_path, NIGHT, {"gold.service_kpis": {ABSENT}}, Random(7), is_strict=True)
    time.sleep(3 * PAUSE_SECONDS)
    assert [broken.promise for broken in reader.stop()] == ["readers are never turned away"]


def test_a_wrong_clock_can_be_set_while_a_process_waits_as_long_as_it_wants(tmp_path: Path) -> None:
    try:
        library = faults.wrong_clock(tmp_path / "clock.so")
    except NotHereError as error:
        pytest.skip(str(error))
    file = tmp_path / "clock"
    faults.set_clock(file, 0)
    told = """
import sys, threading, time
def look():
    began = time.monotonic()
    threading.Event().wait(0.2)
    time.sleep(0.1)
    print(time.time(), time.monotonic() - began, flush=True)
look()
sys.stdin.readline()
look()
"""
    environment = {**os.environ, "LD_PRELOAD": str(library), faults.CLOCK_VARIABLE: str(file)}
    with subprocess.Popen(
        [sys.executable, "-c", told], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        right = [float(each) for each in process.stdout.readline().split()]
        faults.set_clock(file, -25)
        process.stdin.write("\n")
        process.stdin.flush()
        wrong = [float(each) for each in process.stdout.readline().split()]
    assert right[0] == pytest.approx(time.time(), abs=60)
    assert wrong[0] == pytest.approx(time.time() - 25 * 3_600, abs=60)
    assert all(0.25 < waited < 30 for _, waited in (right, wrong))


@pytest.mark.parametrize("broken", [[], ["rows in = landed + quarantined"]])
def test_a_broken_promise_is_exit_code_1(broken: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    played = {"seed": 7, "fault": "cut", "seconds": 3.0, "hits": ["refused"], "skipped": "", "events": [], "broken": []}
    assert suite._told([played, {**played, "broken": broken}]) == len(broken)
    told = capsys.readouterr().out
    assert f"2 rounds in 0 min, 0 skipped, 0 missed, {len(broken)} that broke a promise" in told
    assert "not played: kill-night, " in told


@pytest.mark.parametrize("why", [{"skipped": "no disk"}, {"hits": ["missed", "missed"]}])
def test_rounds_that_befell_nothing_are_not_kept(why: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    played = {
        "seed": 7,
        "fault": "disk-full",
        "seconds": 3.0,
        "hits": ["within"],
        "skipped": "",
        "events": [],
        "broken": [],
    }
    assert suite._told([played, {**played, **why}]) == 0
    assert suite._told([{**played, **why}]) == 1, "nothing was tried"
    assert "1 rounds in 0 min, " in capsys.readouterr().out
