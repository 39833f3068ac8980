"""Texts of others lose an erased person as the door would have it, and nothing else."""

import pytest
from upath import UPath

from jobs.rights import texts
from jobs.rights.person import Person
from jobs.rights.plan import Plan
from tests.rights.conftest import ANNA, BEN, SmallLake

NAMES = {("name", name) for name in ("Anna O’Neil", "Groß, Γιώργος", "李安娜", "—")}
PLAN = Plan(UPath("-"), Person(ANNA), {*NAMES, ("email", "anna@example.org")})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ANNA O'NEIL called", "[erased] called"),
        ("for O’Neil, Anna:", "for [erased]:"),
        ("ask Ａｎｎａ Ｏ’Ｎｅｉｌ", "ask [erased]"),
        ("GROSS ΓΙΏΡΓΟΣ, Γιώργος Groß", "[erased], [erased]"),
        ("请李·安娜来电", "请[erased]来电"),
        ('{"said": "ANNA  o\'neil", "Anna": "O\'Neil"}', '{"said": "[erased]", "Anna": "O\'Neil"}'),
        (f"{ANNA} or {BEN}", f"[erased] or {BEN}"),
    ],
)
def test_a_text_that_landed_before_a_name_was_known_loses_it_in_all_forms_that_the_door_knows(
    lake: SmallLake, text: str, left: str
) -> None:
    others = ["Annabel O'Neil", "anna was here", "O'NEIL", "李安", '{"a": 1, "anna": "o\'neil"}']
    turns = [{"call_id": BEN, "turn": n, "text": each} for n, each in enumerate([*others, text])]
    lake.put("silver.transcripts", *turns)
    texts.clean(lake.tables, PLAN.traces, PLAN.name_forms)
    assert [row[1] for row in lake.rows("silver.transcripts", "turn", "text")] == [*others, left]


def test_what_was_typed_or_sent_in_rows_of_others_loses_the_person(lake: SmallLake) -> None:
    lake.put("ops.pii_access", {"customer_token": BEN, "reason": f"Anna O'Neil, {ANNA}, asks for him"})
    lake.put("vault.quarantine_raw", {"feed": "contact_results", "raw": f"{BEN},reached,ask for ANNA O'NEIL"})
    texts.clean(lake.tables, PLAN.traces, PLAN.name_forms)
    assert lake.rows("ops.pii_access", "reason") == [("[erased], [erased], asks for him",)]
    assert lake.rows("vault.quarantine_raw", "raw") == [(f"{BEN},reached,ask for [erased]",)]


def test_messages_of_ours_lose_a_name_as_it_is_written_alone(lake: SmallLake) -> None:
    lake.put("ops.runs", {"message": "it will begin anew"}, {"message": "of Will"})
    texts.clean(lake.tables, {ANNA, "Will"}, {"will"})
    assert [row[0] for row in lake.rows("ops.runs", "message")] == ["it will begin anew", "of [erased]"]
