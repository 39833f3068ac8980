"""What Echolake writes is nobody else's to change, and what is private is nobody else's to read, whatever the umask."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.guarded import PRIVATE, guard
from jobs.pseudonyms import ensure_key
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import TABLES
from tests.conftest import REPO


@pytest.fixture(params=[0o000, 0o022, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_private_folders_are_the_owner_s_alone(tmp_path: Path, umask: int) -> None:
    (tmp_path / "logs").mkdir()
    for _ in range(2):
        guard(tmp_path)
        assert {name: oct(mode(tmp_path / name)) for name in PRIVATE} == dict.fromkeys(PRIVATE, "0o700")


def test_no_file_is_for_others_to_write_and_a_stricter_umask_stays(tmp_path: Path, umask: int) -> None:
    guard(tmp_path)
    made = TableLogs(str(tmp_path / "lake"))
    for name in ("gold.service_kpis", "vault.customers"):
        made.create(TABLES[name])
    written = [*(tmp_path / "lake").rglob("*")]
    assert len(written) > 6
    assert not [file for file in written if mode(file) & 0o022]
    assert not [file for file in written if mode(file) & umask]
    assert mode(tmp_path / "lake/vault") == 0o700


def test_a_key_is_made_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    key = tmp_path / "secrets/pseudonym.key"
    ensure_key(key)
    assert (mode(key), mode(key.parent)) == (0o600, 0o700)


def test_every_command_begins_with_it() -> None:
    begun = "import os; os.umask(0); from jobs.__main__ import main; main(['tags']); print(oct(os.umask(0)))"
    done = subprocess.run([sys.executable, "-c", begun], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0o22"
    local = read_settings().local
    assert {oct(mode(local / name)) for name in PRIVATE} == {"0o700"}
