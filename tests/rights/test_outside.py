"""What lies beside the lake: logs lose values, delivered lists lose rows."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from upath import UPath

from jobs.known_names import ERASED_LABEL
from jobs.rights import erasure, outside
from jobs.settings import Settings
from tests.conftest import REPO

PATTERN = outside.pattern_of({"C1", "+8613800138000", "李安娜"})


def test_values_are_overwritten_as_words_of_their_own(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "local/logs/dag/attempt=1.log"
    log.parent.mkdir(parents=True)
    log.write_bytes("C1 c:C1 'C1' C11 XC1 C1-2 +8613800138000, 请李安娜来电, 请C1来电\n".encode() + b"\xff\n")
    (tmp_path / "local/sql_history").write_text("SELECT 'C1';\n")
    own = replace(settings, local=tmp_path / "local")
    assert outside.clean_logs(own, PATTERN) == 2
    gone = ERASED_LABEL
    wanted = f"{gone} c:{gone} '{gone}' C11 XC1 C1-2 {gone}, 请{gone}来电, 请{gone}来电\n"
    assert log.read_bytes() == wanted.encode() + b"\xff\n"
    assert outside.clean_logs(own, PATTERN) == 0


def test_a_list_without_the_person_stays_as_it_was_delivered(settings: Settings) -> None:
    folder = Path(settings.delivery, "2026-01-06")
    folder.mkdir(parents=True)
    (folder / "care.csv").write_bytes(b'\xef\xbb\xbfcustomer_id,why\r\nC1,"two\r\nlines"\r\nC2,"C1 called"\r\n')
    (folder / "care.xlsx").write_bytes(b"rows of both")
    (folder / "other.csv").write_bytes(b"customer_id\nC2\n")
    (folder / "other.xlsx").write_bytes(b"rows of C2")
    files = {name: {"rows": 2, "sha256": "then"} for name in ("care.csv", "care.xlsx", "other.csv", "other.xlsx")}
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    assert outside.clean_deliveries(settings, PATTERN) == 1
    assert (folder / "care.csv").read_bytes() == b"\xef\xbb\xbfcustomer_id,why\r\nC2,C1 called\r\n"
    assert sorted(file.name for file in folder.iterdir()) == ["care.csv", "manifest.json", "other.csv", "other.xlsx"]
    told = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(told) == ["care.csv", "other.csv", "other.xlsx"]
    assert told["care.csv"]["rows"] == 1
    assert told["other.csv"] == files["other.csv"]


def test_a_run_after_one_that_was_killed_within_a_list_takes_the_workbook_and_corrects_the_manifest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(settings.delivery, "2026-01-06")
    folder.mkdir(parents=True)
    (folder / "care.csv").write_bytes(b"customer_id\r\nC1\r\nC2\r\n")
    (folder / "care.xlsx").write_bytes(b"rows of both")
    (folder / "manifest.json").write_text(json.dumps({"files": {"care.csv": {"rows": 2}, "care.xlsx": {"rows": 2}}}))

    def killed(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for step in ("put", "_correct_manifest"):
        with monkeypatch.context() as kill:
            kill.setattr(outside, step, killed)
            with pytest.raises(KeyboardInterrupt):
                outside.clean_deliveries(settings, PATTERN)
    outside.clean_deliveries(settings, PATTERN)
    assert sorted(file.name for file in folder.iterdir()) == ["care.csv", "manifest.json"]
    content = (folder / "care.csv").read_bytes()
    assert content == b"customer_id\r\nC2\r\n"
    told = json.loads((folder / "manifest.json").read_text())["files"]
    assert told == {"care.csv": {"rows": 1, "sha256": hashlib.sha256(content).hexdigest()}}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_that_a_spreadsheet_saved_its_own_way_loses_the_person_too(settings: Settings, separator: str) -> None:
    folder = Path(settings.delivery, "2026-01-06")
    folder.mkdir(parents=True)
    lines = [separator.join(row) for row in (("customer_id", "why"), ("C1", "欠费"), ("C2", "余额"))]
    (folder / "care.csv").write_bytes("".join(f"{line}\r\n" for line in lines).encode("gbk"))
    assert outside.clean_deliveries(settings, PATTERN) == 1
    assert (folder / "care.csv").read_bytes().decode("gbk") == f"{lines[0]}\r\n{lines[2]}\r\n"


def test_a_rank_or_amount_that_is_written_as_the_identifier_takes_no_row_of_others(settings: Settings) -> None:
    folder, taken = (Path(settings.delivery, name) for name in ("2026-01-06", "inbox/taken/ds=2026-01-06"))
    for each in (folder, taken):
        each.mkdir(parents=True)
    (folder / "care.csv").write_bytes("\ufeffrank,customer_id,expected_value\r\n1,2,7\r\n2,8,3\r\n3,9,2\r\n".encode())
    back = [{"customer_id": customer, "amount": "2", "row": row} for row, customer in ((2, "8"), (3, "2"))]
    (taken / "back-1.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in back))
    assert outside.clean_deliveries(settings, outside.pattern_of({"2"})) == 2
    assert (folder / "care.csv").read_bytes().endswith(b"expected_value\r\n2,8,3\r\n3,9,2\r\n")
    assert [json.loads(row) for row in (taken / "back-1.jsonl").read_text().splitlines()] == back[:1]


def test_without_deliveries_there_is_nothing_to_do(settings: Settings) -> None:
    assert outside.clean_deliveries(settings, PATTERN) == 0


def test_what_came_back_loses_the_person_and_what_waits_is_left_to_the_next_night(settings: Settings) -> None:
    inbox = Path(settings.delivery, "inbox")
    taken, replies = inbox / "taken/ds=2026-01-06", inbox / "replies"
    for folder in (taken, replies):
        folder.mkdir(parents=True)
    rows = [{"customer_id": "C1", "note": "fine"}, {"customer_id": "C2", "note": "asked for 李安娜"}]
    (taken / "back-1.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    (replies / "back-1.csv").write_bytes(b"row,customer_id\r\n2,C1\r\n3,C2\r\n")
    (inbox / "waiting.csv").write_bytes("customer_id,note\nC1,é\n".encode("latin-1"))
    assert outside.clean_deliveries(settings, PATTERN) == 2
    [left] = (taken / "back-1.jsonl").read_text().splitlines()
    assert json.loads(left) == {"customer_id": "C2", "note": f"asked for {ERASED_LABEL}"}
    assert (replies / "back-1.csv").read_bytes() == b"row,customer_id\r\n3,C2\r\n"
    assert (inbox / "waiting.csv").exists()
    assert outside.clean_deliveries(settings, PATTERN) == 0


def test_what_others_typed_of_the_person_is_overwritten_in_replies_too(settings: Settings) -> None:
    replies = Path(settings.delivery, "inbox/replies")
    replies.mkdir(parents=True)
    long = "x" * 200_000
    (replies / "back-1.csv").write_text(f"row,customer_id,note\n1,C2,ask for 李·安娜 or C1 {long}\n2,C3,fine\n")
    (replies / "back-1.xlsx").write_bytes(b"the same")
    pattern = outside.pattern_of({"C1", "1"})
    assert outside.clean_deliveries(settings, pattern, {"李安娜"}) == 1
    told = (replies / "back-1.csv").read_text()
    assert told == f"row,customer_id,note\n1,C2,ask for {ERASED_LABEL} or {ERASED_LABEL} {long}\n2,C3,fine\n"
    assert not (replies / "back-1.xlsx").exists()
    assert outside.clean_deliveries(settings, pattern, {"李安娜"}) == 0


def test_folders_that_others_made_in_the_inbox_are_left_alone(settings: Settings, tmp_path: Path) -> None:
    """Who may return lists must not be able to have files of the nights' account written."""
    victim, theirs = tmp_path / "victim", Path(settings.delivery, "inbox/x")
    theirs.mkdir(parents=True)
    victim.write_text("as it was")
    (theirs / "a.csv").write_text("customer_id\nC1\nC2\n")
    (theirs / ".a.csv.new").symlink_to(victim)
    assert outside.clean_deliveries(settings, PATTERN) == 0
    assert victim.read_text() == "as it was"


def test_a_file_in_the_inbox_that_is_no_list_stays_and_report_and_docs_say_so(settings: Settings) -> None:
    letter = Path(settings.delivery, "inbox/letter.txt")
    letter.parent.mkdir(parents=True)
    letter.write_text("C1 writes")
    assert outside.clean_deliveries(settings, PATTERN) == 0
    assert letter.read_text() == "C1 writes"
    [told] = [each for each in erasure.NOT_REACHED if each.startswith("files in the inbox that are no list")]
    assert f"- {told}" in " ".join((REPO / "docs/privacy.md").read_text().split())


def test_an_export_goes_with_the_draft_that_a_killed_one_left(tmp_path: Path) -> None:
    for name in ("export-1.json", ".export-1.json.new"):
        (tmp_path / name).write_text("all that is held")
        assert outside.delete(UPath(tmp_path, "export-1.json")) == 1
        assert not list(tmp_path.iterdir())
    assert outside.delete(UPath(tmp_path, "export-1.json")) == 0
