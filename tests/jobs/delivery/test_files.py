"""The files of a list: the same bytes each time, for people and dialers, and no formula in them."""

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest

from jobs.delivery import lists
from jobs.delivery.files import harmless
from jobs.errors import DataError
from jobs.rights.stored import StoredTables
from jobs.settings import read_settings
from tests.jobs.delivery.conftest import ANNA, BEN, CAI, LIST_ON, NAMES, NUMBERS, SAVE, Configure, Outreach

HEADER = [
    "rank", "customer_id", "phone", "channel", "slot_start", "slot_end", "why", "script_id", "script_hint",
    "expected_value", "list_on", "campaign", "result", "attempted_at", "agent_id", "callback_at", "product", "amount", "note",
]  # fmt: skip


def rows_of(outreach: Outreach, campaign: str) -> list[list[str]]:
    text = (outreach.folder / f"{campaign}.csv").read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_list_says_whom_to_call_when_why_and_at_which_number(outreach: Outreach) -> None:
    outreach.deliver()
    header, anna, cai = rows_of(outreach, SAVE)
    assert header == HEADER
    slot = ["2026-02-10 09:00", "2026-02-10 10:00"]
    texts = ["Card unused for 40 days", "a", "Ask for the reason"]
    assert anna == ["1", ANNA, NUMBERS[ANNA], "call", *slot, *texts, "12.35", str(LIST_ON), SAVE, *[""] * 7]
    assert cai[:3] == ["2", CAI, NUMBERS[CAI]]
    assert cai[9] == "-1.50"


def test_numbers_are_shown_where_they_are_dialled_alone(outreach: Outreach) -> None:
    outreach.deliver()
    assert [rows_of(outreach, each)[1][2] for each in ("repayment_reminder", "app_hint")] == [NUMBERS[BEN], ""]


def test_the_number_is_the_one_known_when_the_list_was_made(outreach: Outreach) -> None:
    token = outreach.token("phone", "+8613700137000")
    then = {**outreach.customer(ANNA), "known_on": date(2026, 2, 1), "superseded_on": LIST_ON}
    now = {**outreach.customer(ANNA), "phone_token": token, "known_on": LIST_ON, "superseded_on": None}
    outreach.put("silver.customers_versions", then, now)
    outreach.deliver()
    assert [row[2] for row in rows_of(outreach, SAVE)[1:]] == [NUMBERS[ANNA], ""]


def test_names_are_shown_where_conf_says_so(outreach: Outreach, configure: Configure) -> None:
    configure(names=True)
    outreach.deliver()
    header, anna, cai = rows_of(outreach, SAVE)
    assert header == [*HEADER[:2], "name", *HEADER[2:]]
    assert (anna[2], cai[2]) == (NAMES[ANNA], f"'{NAMES[CAI]}")
    book = openpyxl.load_workbook(outreach.folder / f"{SAVE}.xlsx")
    assert [cell.value for cell in book["list"]["C"]] == ["name", NAMES[ANNA], NAMES[CAI]]


@pytest.mark.parametrize("text", ["=1+1", "+1-2", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "+86138=1", "+"])
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["+8613800138000", "1=1", "C-1", "", "李"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_no_cell_of_a_workbook_is_a_formula_and_phones_are_texts(outreach: Outreach) -> None:
    evil = '=HYPERLINK("http://example.test";"call")'
    outreach.fill(why=evil)
    outreach.deliver()
    assert rows_of(outreach, SAVE)[1][6] == f"'{evil}"
    book = openpyxl.load_workbook(outreach.folder / f"{SAVE}.xlsx")
    sheet = book["list"]
    anna = dict(zip(HEADER, sheet[2], strict=True))
    assert (anna["why"].value, anna["why"].data_type, anna["why"].quotePrefix) == (evil, "s", False)
    assert (anna["phone"].value, anna["phone"].data_type, anna["phone"].number_format) == (NUMBERS[ANNA], "s", "@")
    assert not [cell for row in sheet for cell in row if cell.data_type == "f" or cell.hyperlink]


def test_a_workbook_has_frozen_headers_a_filter_and_says_what_its_columns_and_figures_are(outreach: Outreach) -> None:
    outreach.deliver()
    book = openpyxl.load_workbook(outreach.folder / f"{SAVE}.xlsx")
    assert book.sheetnames == ["list", "columns", "totals"]
    sheet = book["list"]
    assert [cell.value for cell in sheet[1]] == HEADER
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:S3")
    assert sheet.column_dimensions["G"].width > 50
    assert [row[0].value for row in book["columns"].iter_rows(min_row=2)] == HEADER
    totals: list[tuple[Any, ...]] = list(book["totals"].iter_rows(min_row=2, values_only=True))
    assert [row[1:] for row in totals if row[0] == SAVE] == [
        ("candidates", 4), ("listed", 2), ("holdout", 1), ("suppressed", 1), ("suppressed: no_consent", 1),
    ]  # fmt: skip


def test_a_workbook_knows_no_clock(outreach: Outreach) -> None:
    outreach.deliver()
    with zipfile.ZipFile(outreach.folder / f"{SAVE}.xlsx") as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        times = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", parts.read("docProps/core.xml").decode())
    assert times == ["2026-02-10T00:00:00Z"] * 2


def test_the_manifest_has_rows_and_digest_of_each_file_and_the_totals(outreach: Outreach) -> None:
    outreach.deliver()
    told = json.loads((outreach.folder / "manifest.json").read_text())
    assert told["list_on"] == "2026-02-10"
    files = [f"{campaign}.{kind}" for campaign in ("app_hint", SAVE, "repayment_reminder") for kind in ("csv", "xlsx")]
    assert list(told["files"]) == files
    assert sorted([*files, "manifest.json"]) == sorted(file.name for file in outreach.folder.iterdir())
    for name, entry in told["files"].items():
        assert entry["sha256"] == hashlib.sha256((outreach.folder / name).read_bytes()).hexdigest()
        assert entry["rows"] == (2 if name.startswith(SAVE) else 1)
    assert told["totals"][SAVE] == {
        "candidates": 4, "listed": 2, "holdout": 1, "suppressed": 1, "suppressed_by": {"no_consent": 1},
    }  # fmt: skip


def test_every_look_at_a_number_is_written_down_by_customer_and_list(outreach: Outreach) -> None:
    outreach.deliver()
    looks = outreach.rows("ops.pii_access", "customer_token", "by", "column", "reason")
    told = {ANNA: SAVE, BEN: "repayment_reminder", CAI: SAVE}
    wanted = {
        (outreach.token("customer", each), "delivery", "phone", f"list 2026-02-10: {campaign}")
        for each, campaign in told.items()
    }
    assert set(looks) == wanted
    assert len(looks) == len(wanted)


def test_looks_are_written_down_before_the_vault_is_read(outreach: Outreach, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("the log of looks cannot be written")

    monkeypatch.setattr(StoredTables, "add", fails)
    monkeypatch.setattr(lists, "_in_clear", pytest.fail)
    with pytest.raises(OSError, match="log of looks"):
        outreach.deliver()


def test_a_number_that_the_vault_lacks_is_a_warning_without_the_customer(outreach: Outreach) -> None:
    outreach.put("vault.customers")
    done = outreach.deliver()
    assert f"delivery 2026-02-10: 2 contacts of {SAVE} have no telephone number in the vault" in done.warnings
    assert rows_of(outreach, SAVE)[1][2] == ""


def test_a_file_begins_with_a_byte_order_mark_unless_conf_says_otherwise(
    outreach: Outreach, configure: Configure
) -> None:
    outreach.deliver()
    assert (outreach.folder / f"{SAVE}.csv").read_bytes().startswith(b"\xef\xbb\xbfrank,")
    configure(csv_bom=False)
    outreach.fill(list_on=date(2026, 2, 11))
    outreach.deliver(date(2026, 2, 11))
    assert (outreach.folder.with_name("2026-02-11") / f"{SAVE}.csv").read_bytes().startswith(b"rank,")


@pytest.mark.parametrize("campaign", ["../evil", "a/b", ".hidden", ""])
def test_a_campaign_cannot_lead_out_of_the_folder(outreach: Outreach, campaign: str) -> None:
    for name, rows in (("lists", outreach.lists("why", LIST_ON)), ("candidates", outreach.candidates(LIST_ON))):
        outreach.put(f"gold.call_{name}", rows[0] | {"campaign": campaign})
    with pytest.raises(DataError, match="no name for a file"):
        outreach.deliver()
    assert not outreach.folder.exists()
    assert not outreach.hidden()


def test_the_lists_stand_in_the_business_time_zone(outreach: Outreach) -> None:
    settings = read_settings()
    made = lists.of_day(StoredTables(settings.lake), LIST_ON, settings)
    assert made.rows[SAVE][0]["slot_start"] == "2026-02-10 09:00"
