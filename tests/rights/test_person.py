"""Which rows are one person's: theirs by name, or by a thing or number that nobody else has."""

from jobs.rights.person import Person, clear_values, condition, find, own_values
from jobs.tables import TABLES
from jobs.tables.persons import Who
from tests.rights.conftest import ANNA, BEN, OWN, SHARED, SmallLake


def ids(lake: SmallLake, table: str, person: Person) -> list[str]:
    rows = lake.tables.select(TABLES[table], condition(TABLES[table], person), ("call_id",))
    return sorted(row["call_id"] for row in rows)


def test_calls_without_a_customer_are_of_the_person_whose_number_it_is_alone(lake: SmallLake) -> None:
    anna, ben = find(lake.tables, ANNA), find(lake.tables, BEN)
    assert ids(lake, "silver.calls", anna) == ["borrowed", "own", "unidentified"]
    assert ids(lake, "silver.calls", ben) == ["bens"]
    assert anna.own[Who.NUMBER] == {lake.token("phone", OWN)}
    assert anna.shared_numbers == ben.shared_numbers == {lake.token("phone", SHARED)}


def test_what_names_a_call_alone_goes_with_the_call(lake: SmallLake) -> None:
    assert ids(lake, "silver.transcripts", find(lake.tables, ANNA)) == ["own", "unidentified"]
    assert ids(lake, "silver.transcripts", find(lake.tables, BEN)) == ["bens"]


def test_a_call_that_the_source_gave_to_another_customer_since_is_not_the_persons(lake: SmallLake) -> None:
    lake.put(
        "bronze.calls",
        {"call_id": "bens", "customer_id": ANNA, "source_file": "first"},
        {"call_id": "own", "customer_id": BEN, "source_file": "second"},
        {"call_id": "own", "customer_id": ANNA, "source_file": "third"},
    )
    anna = find(lake.tables, ANNA)
    rows = lake.tables.select(TABLES["bronze.calls"], condition(TABLES["bronze.calls"], anna), ("source_file",))
    assert sorted(row["source_file"] for row in rows) == ["first", "second", "third"]
    assert "bens" not in anna.own[Who.CALL]


def test_facts_over_callers_are_found_by_the_callers_key(lake: SmallLake) -> None:
    table = TABLES["silver.caller_history"]
    keys = [f"c:{ANNA}", f"n:{lake.token('phone', OWN)}", f"n:{lake.token('phone', SHARED)}", f"c:{BEN}", f"c:{ANNA}1"]
    lake.put(table.name, *({"caller_key": key, "call_id": f"of {key}"} for key in keys))
    rows = lake.tables.select(table, condition(table, find(lake.tables, ANNA)), ("caller_key",))
    assert {row["caller_key"] for row in rows} == set(keys[:2])


def test_a_shared_number_is_among_the_clear_values_but_not_the_other_persons_row(lake: SmallLake) -> None:
    anna = find(lake.tables, ANNA)
    assert sorted(clear_values(lake.tables, anna).values()) == [
        ("caller_number", OWN), ("caller_number", SHARED), ("name", "Anna Lee"),
    ]  # fmt: skip
    assert sorted(own_values(lake.tables, anna)) == [("caller_number", OWN), ("name", "Anna Lee")]
    table = TABLES["vault.calls"]
    assert lake.tables.count(table, condition(table, anna)) == 2


def test_of_an_unknown_customer_nothing_is_found(lake: SmallLake) -> None:
    nobody = find(lake.tables, "C1' OR 'a' = 'a")
    assert not any(lake.tables.count(table, condition(table, nobody)) for table in TABLES.values())


def test_a_thing_that_its_feed_does_not_know_is_nobodys_alone_when_others_mention_it(lake: SmallLake) -> None:
    lake.put(
        "silver.calls",
        {"call_id": "a", "customer_id": ANNA, "card_id": "0000"},
        {"call_id": "b", "customer_id": BEN, "card_id": "0000"},
        {"call_id": "c", "customer_id": ANNA, "card_id": "K1"},
    )
    assert find(lake.tables, ANNA).own[Who.CARD] == {"K1"}
