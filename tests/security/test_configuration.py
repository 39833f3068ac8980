"""Of every text of the configuration it is said what it is: code, a name that is checked, or a text that is shown."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from jobs.errors import DataError
from jobs.settings import _Configuration, read_settings
from tests.security.hostile import VALUES

SQL = {
    "repeat_advice.callers.where", "repeat_advice.causes.where", "outreach.campaigns.audience", "outreach.campaigns.score",
    "outreach.campaigns.value", "outreach.campaigns.outcome.where", "outreach.campaigns.outcome.dated", "feeds.jdbc.query",
    "feeds.rows", "feeds.ds", "feeds.where", "feeds.columns", "customer_timeline.failed_events",
}  # fmt: skip
"""Code by design: whoever writes it may do what the nights may (docs/security.md)."""
PLACES = {
    "feeds.path", "alerts.mail.ca_file", "delivery.sftp.key_file", "delivery.sftp.known_hosts", "delivery.sftp.folder",
    "delivery.smtp.ca_file", "spark.remote", "spark.conf", "feeds.options", "connections.parameters", "alerts.mail.host",
    "delivery.sftp.host", "delivery.smtp.host", "spark.connection",
}  # fmt: skip
"""Files, servers and options that whoever writes the configuration chooses."""
SECRETS = {
    "alerts.mail.password_env", "alerts.webhook.url_env", "delivery.sftp.key_password_env", "delivery.sftp.password_env",
    "delivery.smtp.password_env", "connections.password_env",
}  # fmt: skip
"""Names of environment variables; the secrets themselves have no key."""
TEXTS = {
    "customer_identities.same", "customer_identities.apart", "churn.saving_campaigns", "repeat_advice.self_service_topics",
    "repeat_advice.self_service_channels", "repeat_advice.callers.id", "repeat_advice.callers.topics",
    "repeat_advice.callers.campaign", "repeat_advice.callers.action", "repeat_advice.callers.owner", "repeat_advice.messages",
    "repeat_advice.kinds.feature", "repeat_advice.kinds.advice", "repeat_advice.causes.advice", "outreach.campaigns.goal",
    "outreach.campaigns.outcome.says", "outreach.campaigns.why", "outreach.campaigns.scripts.id",
    "outreach.campaigns.scripts.hint", "outreach.campaigns.owner", "law.holidays", "law.jurisdictions.name",
    "law.jurisdictions.regions", "alerts.mail.user", "delivery.sftp.user", "delivery.smtp.user", "connections",
    "connections.user", "feeds.jdbc.connection", "feeds.jdbc.watermark", "feeds.jdbc.partition_column",
}  # fmt: skip
"""Values: compared, shown or sent, never run."""
MAIL = {"host": "127.0.0.1", "tls": "none", "sender": "a@b.example", "recipients": ["c@d.example"]}
JURISDICTION = {"name": "X", "country": "CN"}
CHECKED: dict[str, Callable[[str], dict[str, Any]]] = {
    "time_zone": lambda value: {"time_zone": value},
    "retention_days": lambda value: {"retention_days": {value: 30}},
    "default_country": lambda value: {"default_country": value},
    "repeat_advice.currency": lambda value: {"repeat_advice": {"currency": value}},
    "outreach.campaigns.name": lambda value: {
        "outreach": {"campaigns": {value: campaign()}},
    },
    "law.time_zones": lambda value: {"law": {"time_zones": {"CN": [value]}}},
    "law.jurisdictions.country": lambda value: {"law": {"jurisdictions": [{**JURISDICTION, "country": value}]}},
    "alerts.mail.sender": lambda value: {"alerts": {"mail": {**MAIL, "sender": value}}},
    "alerts.mail.recipients": lambda value: {"alerts": {"mail": {**MAIL, "recipients": [value]}}},
    "delivery.smtp.sender": lambda value: {"delivery": {"smtp": {**MAIL, "sender": value}}},
    "delivery.smtp.recipients": lambda value: {"delivery": {"smtp": {**MAIL, "recipients": [value]}}},
    "connections.url": lambda value: {"connections": {"bank": {"url": f"jdbc:mysql://db/{value} ?x"}}},
    "feeds": lambda value: {"feeds": {value: {}}},
    "feeds.time_zone": lambda value: {"feeds": {"calls": {"time_zone": value}}},
}
"""Refused unless it is what it should be, by a configuration with the value in its place."""


def campaign() -> dict[str, Any]:
    return read_settings().configuration.outreach.campaigns[0].model_dump(mode="json", exclude={"name"})


def texts(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The keys below a model in which any text may stand."""
    for name, field in model.model_fields.items():
        if may_be_text(field.annotation):
            yield prefix + name
        for inner in models(field.annotation):
            yield from texts(inner, f"{prefix}{name}.")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def may_be_text(annotation: Any) -> bool:
    if annotation in (str, Any):
        return True
    return get_origin(annotation) is not Literal and any(map(may_be_text, get_args(annotation)))


def test_of_every_text_it_is_said_what_it_is() -> None:
    said = [*SQL, *PLACES, *SECRETS, *TEXTS, *CHECKED]
    assert len(said) == len({*said})
    assert {*texts(_Configuration)} == {*said}, "say here, and in docs/security.md, what a new key is"


@pytest.mark.parametrize("key", CHECKED)
def test_what_is_checked_is_refused_in_one_line_when_it_is_hostile(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, value in VALUES.items():
        if kind in ("long", "nested"):
            continue
        configuration = CHECKED[key](value)
        file = tmp_path / f"{kind}.yaml"
        file.write_text(yaml.safe_dump(configuration, allow_unicode=False))
        monkeypatch.setenv("ECHOLAKE_CONF", str(file))
        with pytest.raises(DataError) as refused:
            read_settings()
        monkeypatch.delenv("ECHOLAKE_CONF")
        assert len(str(refused.value).splitlines()) == 4


def test_a_key_that_is_none_is_named_with_where_keys_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.yaml").write_text("repeat_calls: {late_dayz: 3}\n")
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "conf.yaml"))
    with pytest.raises(DataError) as refused:
        read_settings()
    assert refused.value.found == "repeat_calls.late_dayz: no such key"
    assert "ECHOLAKE_CONF" in refused.value.todo


@pytest.mark.parametrize("key", ["CUSTOMER", "NAME", "MODEL", "DATE", "FROM", "TO"])
def test_no_value_of_a_command_line_is_shell_code(key: str) -> None:
    """Recipes name these by the environment, within quotes; make itself would put them into the shell's text."""
    import re

    from tests.conftest import REPO

    makefile = (REPO / "Makefile").read_text()
    assert re.search(rf"^export .*\b{key}\b", makefile, re.MULTILINE)
    assert not re.search(rf"(?<!\$)\$[({{]{key}[)}}]", makefile)
    for line in makefile.splitlines():
        assert re.sub(rf'"\$\${key}"|\$\${{{key}:\+[^}}]*"\$\${key}"}}', "", line).count(f"$${key}") == 0, line
