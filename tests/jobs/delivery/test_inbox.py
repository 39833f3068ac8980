"""The way back: what people filled in becomes rows of the feed, and whatever is refused is answered with why."""

import csv
import io
import json
import os
import stat
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs import landed, ops
from jobs.delivery import inbox, taken
from jobs.errors import DataError
from jobs.rights.stored import StoredTables
from jobs.settings import read_settings
from jobs.table_logs import TableLogs
from jobs.tables import FEEDS
from jobs.tables.persons import Who
from tests.jobs.delivery.conftest import ANNA, CAI, LIST_ON, NIGHT, REMINDER, SAVE, Configure, Outreach

Cells = dict[str, str]
KEY = {"list_on": str(LIST_ON), "campaign": SAVE, "customer_id": ANNA}


@pytest.fixture
def box(outreach: Outreach, configure: Configure) -> Path:
    """The inbox of a delivery that has been made; what is put there counts at once."""
    configure(inbox_settle_seconds=0)
    outreach.deliver()
    return outreach.root / "delivery/inbox"


def take(day: date = LIST_ON) -> list[str]:
    settings = read_settings()
    return inbox.take_in(StoredTables(settings.lake), day, settings)


def replies(box: Path) -> list[Cells]:
    [file] = (box / "replies").glob("*.csv")
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


def of_the_feed(box: Path, day: date = LIST_ON) -> list[dict[str, Any]]:
    files = sorted((box / "taken" / f"ds={day}").glob("*"))
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def put(box: Path, *rows: Cells, name: str = "back.csv", sep: str = ",") -> Path:
    columns = list(
        dict.fromkeys(["list_on", "campaign", "customer_id", "result", *(key for row in rows for key in row)])
    )
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, columns, delimiter=sep)
    writer.writeheader()
    writer.writerows(rows)
    file = box / name
    file.write_bytes(written.getvalue().encode())
    return file


def filled(file: Path, answer: Callable[[Cells], Cells]) -> list[Cells]:
    """The rows of a delivered list, filled in."""
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    return [{**row, **answer(row)} for row in rows]


def test_a_delivered_list_filled_in_comes_back_as_rows_of_the_feed(outreach: Outreach, box: Path) -> None:
    answers = {
        ANNA: {"result": "No answer", "attempted_at": "10:15", "agent_id": "A7"},
        CAI: {"result": "converted", "amount": "1,200.5", "callback_at": "2026-02-12 09:00", "note": "said \"yes\",\nthen"},
    }  # fmt: skip
    rows = filled(outreach.folder / f"{SAVE}.csv", lambda row: answers[row["customer_id"]])
    file = put(box, *rows)
    assert take() == []
    assert not file.exists()
    anna, cai = of_the_feed(box)
    wanted = {
        "attempt_id": f"{LIST_ON}/{SAVE}/{ANNA}/20260210T021500", "list_on": str(LIST_ON), "campaign": SAVE,
        "customer_id": ANNA, "attempted_at": "2026-02-10T02:15:00+00:00", "channel": "call", "result": "no_answer",
        "agent_id": "A7", "script_id": "a", "answered_by": "", "callback_at": "", "problem": "", "verdict": "taken",
    }  # fmt: skip
    assert anna | wanted == anna
    # Without a time it was at the slot; times are those of the business.
    assert (cai["attempted_at"], cai["callback_at"]) == ("2026-02-10T02:00:00+00:00", "2026-02-12T01:00:00+00:00")
    assert (cai["answered_by"], cai["amount"], cai["note"]) == ("live", "1200.50", 'said "yes",\nthen')
    assert [(row["row"], row["verdict"], row["why"]) for row in replies(box)] == [
        ("2", "taken", ""),
        ("3", "taken", ""),
    ]
    assert not any(number in line for line in map(str, (anna, cai)) for number in ("+8613800138000", "+4915112345678"))


def test_a_workbook_comes_back_as_a_csv_does(outreach: Outreach, box: Path) -> None:
    book = openpyxl.load_workbook(outreach.folder / f"{SAVE}.xlsx")
    sheet = book["list"]
    header = [cell.value for cell in sheet[1]]
    sheet.cell(2, header.index("result") + 1).value = "reached"
    sheet.cell(2, header.index("attempted_at") + 1).value = "2026-02-10 11:00"
    book.save(box / "Anna's list.xlsx")
    assert take() == []
    anna, cai = of_the_feed(box)
    assert (anna["result"], anna["attempted_at"]) == ("reached", "2026-02-10T03:00:00+00:00")
    assert (cai["verdict"], cai["row"]) == ("not worked", 3)


def test_times_and_dates_may_be_the_spreadsheet_s_own(box: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("list")
    sheet.append(["list_on", "campaign", "customer_id", "result", "attempted_at"])
    sheet.append([LIST_ON, SAVE, ANNA, "reached", date(2026, 2, 10)])
    sheet.append([LIST_ON, SAVE, CAI, "reached", None])
    book.save(box / "own.xlsx")
    assert take() == []
    assert [row["attempted_at"][:16] for row in of_the_feed(box)] == ["2026-02-09T16:00", "2026-02-10T02:00"]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"list_on": "tomorrow"}, "list_on: a date"),
        ({"customer_id": "C99"}, "no such contact was listed"),
        ({"campaign": REMINDER}, "no such contact was listed"),
        ({"customer_id": "C5"}, "no such contact was listed"),
        ({"result": "eaten"}, "result: one of reached, "),
        ({"attempted_at": "noon"}, "attempted_at: a time"),
        ({"attempted_at": "2026-02-09 23:59"}, "attempted_at: it lies before"),
        ({"attempted_at": "2026-02-11 00:00"}, "attempted_at: it lies in the future"),
        ({"callback_at": "soon"}, "callback_at: a time"),
        ({"amount": "much"}, "amount: a number"),
        ({"amount": "inf"}, "amount: a number"),
        ({"amount": "1200,50"}, "amount: a number"),
        ({"amount": "1.200"}, "amount: a number"),
        ({"amount": "1e3"}, "amount: a number"),
        ({"attempted_at": "0001-01-01 00:00"}, "attempted_at: a time"),
        ({"callback_at": "9999-12-31T23:59-05:00"}, "callback_at: a time"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_are_taken(box: Path, cells: Cells, why: str) -> None:
    put(box, {**KEY, "result": "reached", **cells}, {**KEY, "customer_id": CAI, "result": "busy"})
    [line] = take()
    assert "1 of 2 rows of a list are refused, see inbox/replies/*-" in line
    bad, good = replies(box)
    assert (bad["row"], bad["verdict"], good["verdict"]) == ("2", "refused", "taken")
    assert bad["why"].startswith(why)
    # The reply has what was typed, so that it can be mended and returned itself.
    assert {name: bad[name] for name in cells} == cells
    refused, fine = of_the_feed(box)
    assert (refused["problem"], fine["problem"]) == (bad["why"], "")


def test_the_mended_reply_is_a_list_too_and_what_was_taken_before_counts_once(box: Path) -> None:
    put(box, {**KEY, "result": "eaten"}, {**KEY, "customer_id": CAI, "result": "busy"})
    take()
    [reply] = (box / "replies").glob("*.csv")
    (box / "mended.csv").write_bytes(reply.read_bytes().replace(b"eaten", b"reached"))
    assert take() == []
    told = sorted((row["customer_id"], row["result"], row["verdict"]) for row in of_the_feed(box))
    assert told == [
        (ANNA, "eaten", "refused"), (ANNA, "reached", "taken"), (CAI, "busy", "replaced"), (CAI, "busy", "taken"),
    ]  # fmt: skip


def test_the_workbook_beside_a_reply_is_one_to_mend_and_return(box: Path) -> None:
    put(box, {**KEY, "customer_id": CAI, "result": "busy", "note": "=1+1"}, {**KEY, "result": "eaten"})
    take()
    [reply] = (box / "replies").glob("*.xlsx")
    book = openpyxl.load_workbook(reply)
    assert str(book.properties.created.date()) == str(LIST_ON), "the same night made again makes the same bytes"
    sheet = book["list"]
    named = {cell.value: place for place, cell in enumerate(sheet[1], 1)}
    assert [sheet.cell(3, named[name]).value for name in ("list_on", "verdict")] == [str(LIST_ON), "refused"]
    sheet.cell(3, named["result"]).value = "reached"
    book.save(box / "mended.xlsx")
    assert take() == []
    taken_now = sorted((row["result"], row["note"]) for row in of_the_feed(box) if row["verdict"] == "taken")
    assert taken_now == [("busy", "=1+1"), ("reached", "")]


@pytest.mark.parametrize(
    ("cells", "attempted_at"),
    [
        ({"attempted_at": "2:15 PM", "callback_at": "never"}, "2026-02-10T01:00"),
        ({"attempted_at": "14:15", "amount": "none"}, "2026-02-10T06:15"),
    ],
)
def test_whoever_asks_not_to_be_called_is_heard_whatever_else_cannot_be_read(
    box: Path, cells: Cells, attempted_at: str
) -> None:
    put(box, {**KEY, "result": "do not call", **cells})
    assert take() == []
    [row] = of_the_feed(box)
    assert (row["verdict"], row["result"], row["attempted_at"][:16]) == ("taken", "do_not_call", attempted_at)
    assert (row["callback_at"], row["amount"]) == ("", "")


@pytest.mark.parametrize("later", [LIST_ON, LIST_ON + timedelta(days=1)])
def test_a_correction_is_taken_back_by_the_file_of_before(box: Path, later: date) -> None:
    """At the slot's time each, so that all three tell of one contact."""
    for day, found in ((LIST_ON, "reached"), (later, "no_answer"), (later, "reached")):
        put(box, {**KEY, "result": found})
        assert take(day) == []
    last = [row["result"] for row in of_the_feed(box, later) if row["verdict"] == "taken"]
    assert last == ["reached"]
    assert not list(box.glob("*.csv"))


def test_a_workbook_of_two_lists_is_refused_whole(box: Path) -> None:
    book = openpyxl.Workbook()
    for title, who in (("list", ANNA), ("list (2)", CAI)):
        sheet = book.create_sheet(title)
        for row in ([*KEY, "result"], [*(KEY | {"customer_id": who}).values(), "do_not_call"]):
            sheet.append(row)
    book.save(box / "both.xlsx")
    [line] = take()
    assert "it has more than one list; return each as a file of its own" in line
    assert (box / "both.xlsx").exists()


def test_a_row_far_below_the_last_one_that_a_sheet_can_have_is_not_looked_for(box: Path, tmp_path: Path) -> None:
    book, plain = openpyxl.Workbook(), tmp_path / "plain.xlsx"
    sheet = book.create_sheet("list", 0)
    for row in ([*KEY, "result"], [*KEY.values(), "reached"]):
        sheet.append(row)
    book.save(plain)
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(box / "back.xlsx", "w") as claimed:
        for name in whole.namelist():
            far = b'<row r="1000000000000"><c r="A1000000000000"><v>1</v></c></row></sheetData>'
            text = whole.read(name)
            claimed.writestr(name, text.replace(b"</sheetData>", far) if name.endswith("sheet1.xml") else text)
    take()
    assert [row["result"] for row in of_the_feed(box)] == ["reached"]


def test_what_was_taken_is_nobody_else_s_to_move_away(box: Path) -> None:
    assert box.stat().st_mode & stat.S_ISVTX
    box.chmod(0o775)
    taken.open_inbox(box.parent)
    assert stat.S_IMODE(box.stat().st_mode) == stat.S_ISVTX | 0o775
    assert {stat.S_IMODE((box / name).stat().st_mode) for name in taken.OWN} == {0o750}


def test_of_two_files_of_one_night_the_later_counts(box: Path) -> None:
    now = time.time()
    for age, (name, found) in enumerate({"b.csv": "reached", "a.csv": "no_answer"}.items()):
        os.utime(put(box, {**KEY, "result": found}, name=name), (now - 100 - age, now - 100 - age))
    assert take() == []
    assert sorted((row["result"], row["verdict"]) for row in of_the_feed(box)) == [
        ("no_answer", "replaced"), ("reached", "taken"),
    ]  # fmt: skip
    put(box, {**KEY, "result": "refused"})
    take()
    assert [row["result"] for row in of_the_feed(box) if row["verdict"] == "taken"] == ["refused"]


def test_a_list_of_a_later_day_waits_for_its_night(box: Path) -> None:
    file = put(box, {**KEY, "result": "reached"})
    assert take(NIGHT) == []
    assert file.exists()
    assert not list((box / "replies").iterdir())
    take(LIST_ON)
    assert [row["result"] for row in of_the_feed(box)] == ["reached"]


def test_of_several_dates_at_once_each_takes_what_its_own_night_would_have_taken(outreach: Outreach, box: Path) -> None:
    days = [NIGHT, LIST_ON, LIST_ON + timedelta(days=1)]
    outreach.put("gold.call_lists", *(row for day in days for row in outreach.lists("Silent", day)))
    put(box, {**KEY, "list_on": str(days[2]), "result": "reached"}, name="later.csv")
    put(box, {**KEY, "result": "reached"}, name="own.csv")
    for name in ("one.csv", "two.csv"):
        (box / name).write_text("no list")
    settings = read_settings()
    feed = next(feed for feed in FEEDS if feed.name == taken.FEED)
    logs: Any = TableLogs(settings.lake)
    found, warnings = landed._returned(logs, feed, days, settings)
    assert [[row["list_on"] for row in of_the_feed(box, day)] for day in days] == [[], [str(LIST_ON)], [str(days[2])]]
    assert [len(found[day]) for day in days] == [0, 1, 1]
    assert len(warnings) == 2, "each file that stays is told of once"


def test_a_list_that_was_refused_as_a_whole_is_judged_anew_when_it_comes_again(outreach: Outreach, box: Path) -> None:
    outreach.put("gold.call_lists")
    content = put(box, {**KEY, "result": "reached"}).read_bytes()
    take()
    assert [row["verdict"] for row in of_the_feed(box)] == ["refused"]
    outreach.put("gold.call_lists", *outreach.lists("why", LIST_ON))
    (box / "back.csv").write_bytes(content)
    later = date(2026, 2, 11)
    take(later)
    assert [row["verdict"] for row in of_the_feed(box, later)] == ["taken"]


def test_signs_that_end_a_line_elsewhere_stay_in_their_cell(box: Path) -> None:
    put(box, {**KEY, "result": "reached", "note": "rang back\u2028then\u0085again"})
    assert take() == []
    settings = read_settings()
    taken.record(StoredTables(settings.lake), [LIST_ON], settings)
    [row] = taken.rows_of(next((box / "taken").rglob("*.jsonl")))
    assert row["note"] == "rang back\u2028then\u0085again"


def test_a_second_attempt_needs_its_own_time(box: Path) -> None:
    first, again = {**KEY, "result": "busy"}, {**KEY, "result": "reached"}
    put(box, first, again, {**again, "attempted_at": "15:00"})
    take()
    assert [row["verdict"] for row in replies(box)] == ["taken", "refused", "taken"]
    assert "row 2" in replies(box)[1]["why"]


def test_what_a_spreadsheet_would_compute_is_read_as_it_was_and_written_harmless(outreach: Outreach, box: Path) -> None:
    formula = "=cmd|'/c calc'!A1"
    strange = outreach.lists("why", LIST_ON)[0] | {"customer_id": "-12"}
    outreach.put("gold.call_lists", strange)
    put(box, {**KEY, "customer_id": "'-12", "result": "reached", "note": formula})
    assert take() == []
    [row] = of_the_feed(box)
    assert (row["customer_id"], row["note"]) == ("-12", formula)
    assert (replies(box)[0]["customer_id"], replies(box)[0]["note"]) == ("'-12", f"'{formula}")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"", "no column list_on, campaign, customer_id, result"),
        ("a.csv", b"list_on,campaign,customer_id\n", "no column result"),
        ("a.csv", b"list_on,campaign,customer_id,result,result\n", "result more than once"),
        ("a.csv", "list_on,campaign,customer_id,result,note\n1,2,3,4,é\n".encode("latin-1"), "it is not UTF-8"),
        (
            "a.csv",
            b'list_on,campaign,customer_id,result,note\n1,2,3,reached,"urgent\n1,2,4,do_not_call,\n',
            "it is no CSV",
        ),
        ("a.csv", b"list_on,campaign,customer_id,result\n\x00\n", "no such contact|it is no CSV|a date"),
        ("a.xlsx", b"PK\x03\x04 half", "it is no workbook"),
        ("a.xlsx", b"list_on,campaign,customer_id,result\n", "it is no workbook"),
    ],
)
def test_a_file_that_is_no_list_stays_with_its_reply(box: Path, name: str, content: bytes, why: str) -> None:
    (box / name).write_bytes(content)
    [line] = take()
    [row] = replies(box)
    if (box / name).exists():
        assert line.startswith("inbox: a file is no list and stays there: ")
        assert row["why"].startswith("the whole file: ")
        assert take() == [line]
    assert any(each in row["why"] for each in why.split("|"))


@pytest.mark.parametrize("ending", [".ods", ".xls", ".XLSM", ".txt", ".csv.gz", ""])
def test_a_file_with_another_ending_than_a_list_stays_with_its_reply(box: Path, ending: str) -> None:
    file = put(box, {**KEY, "result": "reached"}, name=f"churn_save{ending}")
    for _ in range(2):
        [line] = take()
        assert "no list and stays there: it is neither .csv nor .xlsx; save it as one of the two; see inbox/" in line
        assert [row["why"] for row in replies(box)] == [
            "the whole file: it is neither .csv nor .xlsx; save it as one of the two"
        ]
    assert file.exists()
    file.rename(box / "churn_save.csv")
    assert take() == []
    assert [row["result"] for row in of_the_feed(box)] == ["reached"]


def test_folders_links_and_drafts_are_left_alone_whatever_their_ending(box: Path, tmp_path: Path) -> None:
    (box / "old.ods").mkdir()
    (box / "link.txt").symlink_to(put(tmp_path, {**KEY, "result": "reached"}))
    for name in (".hidden.ods", "~$back.xlsm", "_draft.txt"):
        (box / name).write_text("x")
    before = sorted(box.iterdir())
    assert take() == []
    assert sorted(box.iterdir()) == before


@pytest.mark.parametrize("sep", [";", "\t"])
def test_other_separators_and_encodings_of_spreadsheets_are_read(box: Path, sep: str) -> None:
    file = put(box, {**KEY, "result": "reached", "note": "好"}, sep=sep)
    file.write_bytes(file.read_text().encode("utf-16" if sep == "\t" else "utf-8-sig"))
    assert take() == []
    assert [(row["result"], row["note"]) for row in of_the_feed(box)] == [("reached", "好")]


def test_blank_rows_are_no_rows_and_an_empty_list_says_nothing(box: Path) -> None:
    put(box)
    assert take() == []
    assert not list((box / "taken").iterdir())
    (box / "b.csv").write_text("list_on,campaign,customer_id,result\n,,,\n\n")
    assert take() == []
    assert [file.name for file in box.glob("*.csv")] == []


def test_the_same_file_twice_counts_once(box: Path) -> None:
    content = put(box, {**KEY, "result": "reached"}).read_bytes()
    take()
    (box / "back.csv").write_bytes(content)
    assert take(date(2026, 2, 11)) == []
    assert of_the_feed(box, date(2026, 2, 11)) == []
    assert not (box / "back.csv").exists()


def test_a_kill_before_the_file_is_taken_away_ends_as_without_it(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box, {**KEY, "result": "reached"})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            take()
    assert take() == []
    assert [row["result"] for row in of_the_feed(box)] == ["reached"]


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_file_that_is_still_written_or_open_waits(box: Path, configure: Configure) -> None:
    configure(inbox_settle_seconds=60)
    file = put(box, {**KEY, "result": "reached"})
    for name in (".~lock.back.csv#", "~$back.xlsx", ".hidden.csv", "notes.txt"):
        (box / name).write_text("x")
    take()
    assert file.exists()
    aged = time.time() - 61
    os.utime(file, (aged, aged))
    take()
    assert not file.exists()
    assert len(list(box.iterdir())) == 4 + 2


def test_an_older_night_made_again_takes_nothing(box: Path) -> None:
    ops.write_nights(StoredTables(read_settings().lake), [LIST_ON], "test", passed_gate_at=datetime.now(UTC))
    file = put(box, {**KEY, "result": "reached"})
    assert take(NIGHT) == []
    assert file.exists()
    take(LIST_ON)
    assert not file.exists()


def test_a_full_disk_leaves_the_list_in_the_inbox(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(box, {**KEY, "result": "reached"})
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _full)
        with pytest.raises(DataError, match="inbox 2026-02-10: the disk is full"):
            take()
    assert file.exists()
    assert [each for each in box.rglob("*") if each.name.endswith(".new")] == []
    take()
    assert [row["result"] for row in of_the_feed(box)] == ["reached"]


def _full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_the_account_says_what_came_back_of_each_list(box: Path) -> None:
    rows = [{**KEY, "result": "reached"}, {**KEY, "customer_id": CAI}, {**KEY, "customer_id": "C99", "result": "busy"}]
    put(box, *rows, {**KEY, "campaign": "Anna Smith", "result": "busy"})
    take()
    settings = read_settings()
    tables = StoredTables(settings.lake)
    for _ in range(2):
        taken.record(tables, [LIST_ON], settings)
        found = tables.select(taken.RETURNED, "true ORDER BY rows_in DESC")
        counts = [[row[f"rows_{name}"] for name in ("in", "taken", "not_worked", "refused")] for row in found]
        assert counts == [[3, 1, 1, 1], [1, 0, 0, 1]]
        # What stands where a campaign should may be anything.
        assert [(row["list_on"], row["campaign"]) for row in found] == [(LIST_ON, SAVE), (None, None)]


def test_of_an_erased_person_nothing_is_kept(outreach: Outreach, box: Path) -> None:
    outreach.put("vault.erased", {"kind": str(Who.CUSTOMER), "token": outreach.token(Who.CUSTOMER, ANNA)})
    put(box, {**KEY, "result": "reached", "note": "Anna asked"}, {**KEY, "customer_id": CAI, "result": "busy"})
    take()
    assert [row["verdict"] for row in replies(box)] == ["refused", "taken"]
    kept = b"".join(file.read_bytes() for file in box.rglob("*") if file.is_file())
    assert not any(told.encode() in kept for told in (f"{ANNA},", f'"{ANNA}"', "Anna asked"))


def test_a_link_is_no_list(box: Path, tmp_path: Path) -> None:
    """Whoever may write here must not be told of a file that Echolake alone may read."""
    elsewhere = put(tmp_path, {**KEY, "result": "reached"}, name="elsewhere.csv")
    (box / "link.csv").symlink_to(elsewhere)
    assert take() == []
    assert elsewhere.exists()
    assert not list((box / "replies").iterdir())


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_changes_into_something_else_before_it_is_opened_is_not_read(
    box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    elsewhere, file = put(tmp_path, {**KEY, "result": "reached"}, name="elsewhere.csv"), box / "back.csv"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to(elsewhere)
    monkeypatch.setattr(inbox, "waiting", lambda _: [file])
    [line] = take()
    assert "a file cannot be read and stays there" in line
    assert not list((box / "replies").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_folders_of_echolake_that_somebody_else_made_are_not_trusted(outreach: Outreach, box: Path) -> None:
    os.chown(box / "taken", 65_534, -1)
    with pytest.raises(DataError, match="inbox/taken belongs to somebody else"):
        outreach.deliver()


def test_a_cell_that_no_spreadsheet_holds_is_refused_and_cut(box: Path) -> None:
    put(box, {**KEY, "result": "reached", "note": "x" * 40_000})
    [line] = take()
    assert "1 of 1 rows of a list are refused" in line
    [reply] = replies(box)
    assert "more than the 32,767 signs" in reply["why"]
    assert len(reply["note"]) == 32_767


def test_a_file_without_end_is_refused_without_reading_it(box: Path) -> None:
    with (box / "huge.csv").open("wb") as file:
        file.truncate(1 << 40)
    [line] = take()
    assert "it has more than the 67,108,864 bytes" in line


@pytest.mark.parametrize("kind", ["expanded", "external", "unpacked"])
def test_a_workbook_that_blows_up_or_reaches_out_is_refused(box: Path, tmp_path: Path, kind: str) -> None:
    """Entities that grow without end, entities that name a file, and a sheet that is gigabytes once unpacked."""
    (tmp_path / "secret.txt").write_text("the secret")
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declared = {
        "expanded": f'<!DOCTYPE a [<!ENTITY e0 "reached">{entities}]>',
        "external": f'<!DOCTYPE a [<!ENTITY e9 SYSTEM "file://{tmp_path}/secret.txt">]>',
        "unpacked": "",
    }[kind]
    book, plain = openpyxl.Workbook(), tmp_path / "plain.xlsx"
    sheet = book.create_sheet("list", 0)
    for row in ([*KEY, "result"], [*KEY.values(), "THERE"]):
        sheet.append(row)
    book.save(plain)
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(box / "back.xlsx", "w", zipfile.ZIP_DEFLATED) as hostile:
        for name in whole.namelist():
            text = whole.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = declared.encode() + text.replace(b"THERE", b"&e9;" if declared else b"reached")
                text += b" " * (inbox.filled_in.MOST_UNPACKED if kind == "unpacked" else 0)
            elif name == "xl/sharedStrings.xml":
                text = declared.encode() + text.replace(b"THERE", b"&e9;" if declared else b"reached")
            hostile.writestr(name, text)
    [line] = take()
    assert "is no list and stays there" in line
    assert "secret" not in json.dumps(replies(box))
