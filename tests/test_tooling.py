"""The commands and the set-up as a person meets them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        key: value for key, value in os.environ.items() if key not in {"CUSTOMER", "DATE", "FROM", "NAME", "TO"}
    }
    return subprocess.run(
        command,
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_make_alone_lists_every_command() -> None:
    listed = re.findall(r"^make (\w+) +\S", run("make").stdout, re.MULTILINE)

    wanted = "run test check nightly load backfill table erase export bench airflow sql install format docs clean"
    assert set(wanted.split()) <= set(listed)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (("load", "FROM=2026-01-01"), "TO"),
        (("backfill",), "FROM"),
        (("table", "DATE=2026-01-31"), "NAME"),
        (("table", "NAME=gold.service_kpis"), "DATE"),
        (("erase",), "CUSTOMER"),
        (("export",), "CUSTOMER"),
    ],
)
def test_a_missing_argument_is_wrong_usage_with_an_example(given: tuple[str, ...], missing: str) -> None:
    done = run("make", *given)

    assert done.returncode == 2
    assert f"make {given[0]}: expected {missing}, found none" in done.stderr
    assert re.search(rf"to do: make {given[0]} .*{missing}=\S+", done.stderr)


def test_another_java_is_refused_with_what_to_do(tmp_path: Path) -> None:
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text("""#!/bin/sh\necho 'openjdk version "11.0.2" 2019-01-15' >&2\n""")
    java.chmod(0o755)

    done = run("scripts/setup.sh", JAVA_HOME=str(tmp_path))

    assert done.returncode == 1
    expected, found, to_do = done.stderr.splitlines()
    assert expected == "setup: expected Java 17"
    assert found == 'setup: found openjdk version "11.0.2" 2019-01-15'
    assert "JAVA_HOME" in to_do


def test_the_lock_holds_every_requirement_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    required = re.findall(r"^([a-z][\w-]*)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    locked = dict(re.findall(r"^([a-z][\w-]*)==.*\\\n((?:    --hash=sha256:\w+(?: \\)?\n)+)", lock, re.MULTILINE))

    assert set(required) <= set(locked)
    assert len(locked) == len(set(re.findall(r"^([a-z][\w-]*)==", lock, re.MULTILINE)))
    assert "://" not in lock
