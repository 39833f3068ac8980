"""A list is handed over once and whole, whatever happens on the way, and frozen from then on."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.delivery import records
from jobs.errors import DataError
from jobs.rights import outside
from jobs.table_logs import TableLogs
from tests.jobs.delivery.conftest import ANNA, CAI, LIST_ON, NUMBERS, SAVE, Configure, Outreach, content

REPO = Path(__file__).resolve().parents[3]
KILLED = """
import os, signal, sys
from datetime import date
from jobs.delivery import deliver, folder, lists, records
from jobs.rights.stored import StoredTables
from jobs.settings import read_settings

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{patch}
settings = read_settings()
deliver.deliver(StoredTables(settings.lake), date.fromisoformat(sys.argv[1]), settings)
"""
MOMENTS = {
    "before anything is read": "lists.of_day = killed",
    "while files are written": "write = folder.write_through\n"
    "folder.write_through = lambda file, *rest: killed() if file.suffix == '.xlsx' else write(file, *rest)",
    "between the lake and the record": "records.note = killed",
    "between the record and the folder": "folder.DayFolder.publish = killed",
    "once the folder has appeared": "deliver.stop.write = killed",
}


def kill(patch: str) -> None:
    """Delivers in a process of its own that is killed where the patch says."""
    command = [sys.executable, "-c", KILLED.format(patch=patch), str(LIST_ON)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def told(outreach: Outreach) -> list[tuple[object, ...]]:
    return outreach.rows("ops.deliveries", "list_on", "destination", "files", "rows")


def test_without_lists_and_candidates_there_is_no_folder(outreach: Outreach) -> None:
    outreach.put("gold.call_lists")
    outreach.put("gold.call_candidates")
    done = outreach.deliver()
    assert (done.parcel, done.is_new) == (None, False)
    assert not outreach.folder.exists()
    assert told(outreach) == []


def test_candidates_of_whom_nobody_is_listed_are_told_in_the_manifest(outreach: Outreach) -> None:
    outreach.put("gold.call_lists")
    outreach.put("gold.call_candidates", *(row for row in outreach.candidates(LIST_ON) if row["decision"] != "listed"))
    outreach.deliver()
    assert list(content(outreach.folder)) == ["manifest.json"]
    assert told(outreach) == [(LIST_ON, "folder", 0, 0)]


def test_lists_of_other_decisions_are_not_handed_over(outreach: Outreach) -> None:
    """A night that was killed between the two left them."""
    decided = [
        row | {"decision": "suppressed"} if row["customer_id"] == CAI else row for row in outreach.candidates(LIST_ON)
    ]
    outreach.put("gold.call_candidates", *decided)
    with pytest.raises(DataError, match=r"gold\.call_lists is older than gold\.call_candidates"):
        outreach.deliver()
    assert not outreach.folder.exists()
    assert told(outreach) == []


def test_a_second_run_delivers_the_same_bytes_and_writes_nothing(outreach: Outreach) -> None:
    assert outreach.deliver().is_new
    first, looks = content(outreach.folder), outreach.rows("ops.pii_access")
    written = {file.name: file.stat().st_mtime_ns for file in outreach.folder.iterdir()}
    done = outreach.deliver()
    assert (done.is_new, done.warnings) == (False, [])
    assert content(outreach.folder) == first
    assert {file.name: file.stat().st_mtime_ns for file in outreach.folder.iterdir()} == written
    assert outreach.rows("ops.pii_access") == looks
    assert told(outreach) == [(LIST_ON, "folder", 6, 4)]


def test_a_delivered_list_is_frozen_whatever_the_lake_says_later(outreach: Outreach) -> None:
    outreach.deliver()
    first = content(outreach.folder)
    assert records.is_frozen(TableLogs(str(outreach.root / "lake")), LIST_ON)
    assert not records.is_frozen(TableLogs(str(outreach.root / "lake")), LIST_ON + timedelta(days=1))
    outreach.fill(why="another reason")
    outreach.deliver()
    assert content(outreach.folder) == first


def test_a_folder_that_is_gone_appears_as_it_was_or_not_at_all(outreach: Outreach) -> None:
    outreach.deliver()
    first = content(outreach.folder)
    shutil.rmtree(outreach.folder)
    assert outreach.deliver().is_new
    assert content(outreach.folder) == first
    shutil.rmtree(outreach.folder)
    outreach.fill(why="another reason")
    done = outreach.deliver()
    assert not outreach.folder.exists()
    assert done.warnings == [
        "delivery 2026-02-10: the folder is gone, and its lists cannot be made as they were delivered"
    ]


def test_a_file_that_was_changed_is_a_warning_and_stays(outreach: Outreach) -> None:
    outreach.deliver()
    (outreach.folder / f"{SAVE}.csv").write_text("filled in by hand")
    done = outreach.deliver()
    assert done.warnings == [f"delivery 2026-02-10: changed in the folder since delivered: {SAVE}.csv"]
    assert (outreach.folder / f"{SAVE}.csv").read_text() == "filled in by hand"


def test_an_erasure_is_no_change(outreach: Outreach, configure: Configure) -> None:
    outreach.deliver()
    assert outside.clean_deliveries(configure(), outside.pattern_of({ANNA, NUMBERS[ANNA]})) == 1
    assert NUMBERS[ANNA].encode() not in b"".join(content(outreach.folder).values())
    assert outreach.deliver().warnings == []


def test_a_row_whose_identifier_has_an_apostrophe_is_erased_too(outreach: Outreach, configure: Configure) -> None:
    for name, rows in (("lists", outreach.lists("why", LIST_ON)), ("candidates", outreach.candidates(LIST_ON))):
        outreach.put(f"gold.call_{name}", rows[0] | {"customer_id": "-C9"})
    outreach.deliver()
    assert b"'-C9" in content(outreach.folder)[f"{SAVE}.csv"]
    outside.clean_deliveries(configure(), outside.pattern_of({"-C9"}))
    assert b"-C9" not in content(outreach.folder)[f"{SAVE}.csv"]


def test_a_folder_of_somebody_else_is_left_alone(outreach: Outreach) -> None:
    outreach.folder.mkdir(parents=True)
    (outreach.folder / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="does not know it"):
        outreach.deliver()
    assert content(outreach.folder) == {"notes.txt": b"mine"}
    assert told(outreach) == []
    assert not outreach.hidden()


def test_a_folder_that_the_lake_forgot_counts_when_it_is_the_same(outreach: Outreach) -> None:
    outreach.deliver()
    outreach.put("ops.deliveries")
    outreach.deliver()
    assert told(outreach) == [(LIST_ON, "folder", 6, 4)]


def test_numbers_in_clear_are_for_the_owner_and_the_group(outreach: Outreach) -> None:
    outreach.deliver()
    assert oct(outreach.folder.stat().st_mode)[-3:] == "750"
    assert {oct(file.stat().st_mode)[-3:] for file in outreach.folder.iterdir()} == {"640"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_night_that_is_killed_delivers_exactly_once_afterwards(outreach: Outreach, moment: str) -> None:
    kill(MOMENTS[moment])
    appeared = content(outreach.folder)
    assert not appeared or "manifest.json" in appeared
    outreach.deliver()
    whole = content(outreach.folder)
    assert len(whole) == 7
    assert not appeared or appeared == whole
    assert told(outreach) == [(LIST_ON, "folder", 6, 4)]
    assert not outreach.hidden()
    assert outreach.deliver().warnings == []


def test_what_counted_when_the_night_was_killed_is_what_appears(outreach: Outreach) -> None:
    kill(MOMENTS["between the record and the folder"])
    outreach.fill(why="another reason")
    assert outreach.deliver().is_new
    assert b"Card unused for 40 days" in content(outreach.folder)[f"{SAVE}.csv"]


def test_the_next_night_ends_what_a_killed_one_began(outreach: Outreach) -> None:
    kill(MOMENTS["between the record and the folder"])
    outreach.fill(list_on=LIST_ON + timedelta(days=1))
    outreach.deliver(LIST_ON + timedelta(days=1))
    assert len(content(outreach.folder)) == 7
    assert not outreach.hidden()


@pytest.fixture
def disk(outreach: Outreach) -> Iterator[Path]:
    """A small disk of its own under the delivery."""
    folder = outreach.root / "delivery"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(outreach: Outreach, disk: Path) -> None:
    with pytest.raises(DataError, match="the disk is full") as raised:
        outreach.deliver()
    assert raised.value.headline == "delivery 2026-02-10: the disk is full"
    assert "free space" in raised.value.todo
    assert list(disk.iterdir()) == []
    assert told(outreach) == []
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
    assert outreach.deliver().is_new
    assert len(content(outreach.folder)) == 7


def test_a_delivery_needs_a_file_system(outreach: Outreach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_DELIVERY", "s3://bucket/delivery")
    with pytest.raises(DataError, match="on a file system"):
        outreach.deliver()


def test_the_command_says_what_was_delivered_and_what_to_do_without_lists(outreach: Outreach) -> None:
    def run(night: date) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jobs", "deliver", "--date", str(night)]
        return subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False, env=dict(os.environ))

    done = run(LIST_ON - timedelta(days=1))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"lists for 2026-02-10: delivered; 4 contacts, 6 files\n  {outreach.folder}\n"
    assert outreach.rows("ops.runs", "table", "state", "rows") == [("delivery", "done", 4)]
    done = run(LIST_ON)
    assert done.returncode == 1
    assert "to do:    run the night first (make nightly DATE=2026-02-10)" in done.stderr
