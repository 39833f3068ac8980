"""Personal values are lifelike, told in full, and nowhere but where they belong."""

import re

import phonenumbers

from jobs.tables.feeds import FEEDS
from sample import texts
from tests.sample.drops import PERSONAL, TEXTS


def test_all_personal_columns_are_told_as_personal(january):
    written = set()
    for contract in FEEDS:
        for row in january.rows(contract.name):
            written |= {row[column] for column in PERSONAL & set(row) if row[column]}
    nobody = {"anonymous", "withheld", "unknown", "0000"}
    assert written - nobody <= january.told.personal


def test_all_personal_values_in_texts_are_told_as_personal(january):
    # ASCII: in Chinese text no space stands before an address, and to \w the words are letters too.
    shapes = re.compile(r"\+?\d[\d -]{8,}[\dX]|[\w.]+@[\w.]+\w", re.ASCII)
    places = (
        ("interactions", "text"),
        ("transcripts", "text"),
        ("contact_results", "note"),
        ("agent_events", "payload"),
    )
    written = [row.get(column) or "" for feed, column in places for row in january.rows(feed)]
    found = {value for text in written for value in shapes.findall(text)}
    assert len(found) > 100
    assert found <= january.told.personal
    told = [
        name for name in {row["name"] for row in january.sound("customers")} if any(name in text for text in written)
    ]
    assert len(told) > 50


def test_personal_values_stand_nowhere_else(january):
    # Ids, times and sums are of known shapes; what remains are a few hundred words.
    shapes = re.compile(r"(s3:.*/)?[\w-]+-\d{8}-\d+(\.wav)?|[-\d:TZ+. ]*|[ACK]\d+|M[A-Z]{3}\d{3}")
    for contract in FEEDS:
        names = [column.name for column in contract.columns if column.name not in PERSONAL | TEXTS]
        values = {str(row.get(name)) for row in january.rows(contract.name) for name in names}
        words = " ".join(value for value in values if not shapes.fullmatch(value))
        assert not [value for value in january.told.personal if value in words]


def test_texts_without_personal_values_name_nobody(january):
    said = [texts.MATTERS.values(), [texts.GREETINGS, texts.CHECKS, texts.ANSWERS, texts.THANKS]]
    plain = " ".join(sentence for group in said for pair in group for sentence in pair)
    assert not [value for value in january.told.personal if value in plain]


def test_numbers_are_valid_in_their_country(january):
    forms = {row["phone"] for row in january.sound("customers")}
    forms |= {row["caller_number"] for row in january.sound("calls") if len(row["caller_number"]) > 9}
    parsed = {form: phonenumbers.parse(form, "CN") for form in forms}
    assert not [form for form, number in parsed.items() if not phonenumbers.is_valid_number(number)]
    assert {number.country_code for number in parsed.values()} == {86, 1, 44}


def test_identity_and_card_numbers_carry_their_checks(january):
    told = january.told.personal
    identities = [value for value in told if re.fullmatch(r"\d{17}[\dX]", value)]
    cards = [value.replace(" ", "") for value in told if re.fullmatch(r"(\d{4} ?){3}\d{4}", value)]
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    assert len(identities) > 200
    assert len(cards) > 50
    for value in identities:
        assert "10X98765432"[sum(w * int(d) for w, d in zip(weights, value, strict=False)) % 11] == value[-1]
    for value in cards:
        digits = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(value))]
        assert sum(d // 10 + d % 10 for d in digits) % 10 == 0
