"""What each role sees of the lake at the prompt."""

from pathlib import Path

import pytest

from jobs import prompt
from jobs.errors import DataError
from jobs.rights.roles import FILE, access
from jobs.settings import Settings
from jobs.tables import TABLES
from tests.rights.conftest import SmallLake


def ask(statement: str, capsys: pytest.CaptureFixture[str], *role: str) -> str:
    prompt.run(statement, *role)
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_by_default_all_but_the_vault_is_seen(lake: SmallLake, capsys: pytest.CaptureFixture[str]) -> None:
    assert "caller_token" in ask("FROM silver.calls", capsys)
    assert "left out" in ask("FROM vault.customers", capsys)
    assert not access(None).is_narrow
    assert [name for name, table in TABLES.items() if not access(None).sees(table)] == [
        name for name in TABLES if name.startswith("vault.")
    ]


def test_an_analyst_sees_no_pseudonyms(lake: SmallLake, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ask("FROM silver.calls", capsys, "analyst")
    assert "borrowed" in shown
    assert "caller_token" not in shown
    assert "not found" in ask('SELECT caller_token FROM "silver.calls"', capsys, "analyst")
    assert "not for the role analyst" in ask("FROM bronze.calls", capsys, "analyst")


def test_a_team_lead_sees_the_rows_of_the_team(lake: SmallLake, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ask("SELECT call_id FROM silver.calls ORDER BY 1", capsys, "team_lead", "blue")
    assert [word for word in ("bens", "nobodys", "own") if word in shown] == ["bens", "nobodys", "own"]
    assert "borrowed" not in shown
    assert "withheld" not in shown
    assert "A2" not in ask("FROM silver.agents", capsys, "team_lead", "blue")
    assert "agents 0" in ask("SELECT 'agents ' || count(*) AS n FROM silver.agents", capsys, "team_lead", "green")
    assert "not for the role" in ask("FROM silver.transcripts", capsys, "team_lead", "blue")


def test_a_team_lead_sees_figures_by_agent_of_the_team_alone(
    lake: SmallLake, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = (("agent", "A1"), ("agent", "A2"), ("hour", "10"))
    lake.put("gold.list_quality", *({"dimension": dimension, "group_name": group} for dimension, group in groups))
    shown = ask("SELECT group_name FROM gold.list_quality", capsys, "team_lead", "blue")
    assert [word for word in ("A1", "A2", "10") if word in shown] == ["A1", "10"]


def test_who_serves_customers_sees_who_is_listed_but_not_who_is_held_out() -> None:
    service = access("service")
    assert service.sees(TABLES["gold.customer_portraits"])
    assert service.sees(TABLES["gold.call_lists"])
    telling = ("gold.call_candidates", "gold.customer_tags", "gold.repeat_call_advice", "features.customer_tag_values",
               "features.outreach_customers")  # fmt: skip
    assert not any(service.sees(TABLES[name]) for name in telling)


def test_rows_by_team_leave_out_tables_of_persons_without_an_agent() -> None:
    lead = access("team_lead", "blue")
    assert lead.sees(TABLES["gold.repeat_calls"])
    assert lead.sees(TABLES["gold.service_kpis"])
    assert not lead.sees(TABLES["silver.customers"])


def test_whoever_sees_less_reads_no_file_past_the_views(
    lake: SmallLake, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(Path(settings.lake, "silver/calls").rglob("*.parquet"))
    assert "caller_token" in ask(f"FROM '{file}'", capsys)
    assert "Permission Error" in ask(f"FROM '{file}'", capsys, "analyst")
    assert "configuration" in ask("SET enable_external_access = true", capsys, "analyst")


def test_the_role_may_come_from_the_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOLAKE_ROLE", "team_lead")
    with pytest.raises(DataError, match="ECHOLAKE_TEAM"):
        access(None)
    monkeypatch.setenv("ECHOLAKE_TEAM", "red")
    assert (access(None).name, access(None).team, access("analyst").name) == ("team_lead", "red", "analyst")


def test_an_unknown_role_is_an_error_that_names_the_known_ones(settings: Settings) -> None:
    with pytest.raises(DataError, match="engineer, analyst, team_lead, service"):
        access("king")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("    columns: [a]", "columns"),
        ("    may_reveal: [shoe_size]", "shoe_size"),
        ("    hidden: [shoe_size]", "shoe_size"),
        ("    rows: town", "rows"),
    ],
)
def test_an_unknown_key_or_name_in_the_file_is_an_error(tmp_path: Path, wrong: str, said: str) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text(f'default: one\nroles:\n  one:\n    tables: ["*"]\n{wrong}\n')
    with pytest.raises(DataError, match=said):
        access(None, file=file)


@pytest.mark.parametrize(
    "content", ["default: two\nroles: {one: {tables: [gold.nothing]}}", "default: x\nroles: {}", "[", ""]
)
def test_a_file_that_says_nothing_right_is_an_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text(content)
    with pytest.raises(DataError, match="mend"):
        access(None, file=file)
    assert FILE.exists()
