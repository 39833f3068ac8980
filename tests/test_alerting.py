"""Alerts arrive at a real mail server and a real webhook, and never hide what they tell of."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller

from dags import alerts
from jobs.errors import DataError
from jobs.session import free_port
from jobs.settings import read_settings
from tests.jobs.delivery.test_mail import Mailbox

Configure = Callable[..., None]


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted; answers with the code in the path, or not at all."""

    came: list[dict[str, Any]] = []  # noqa: RUF012  # of the class: each request has a handler of its own
    patience = Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/hangs":
            self.patience.wait(5)
            return
        self.came.append(json.loads(body))
        self.send_response(code := int(self.path.removeprefix("/")))
        if code in (301, 302):
            self.send_header("Location", "/200")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def hook() -> Iterator[int]:
    Hook.came.clear()
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    Hook.patience.set()
    server.shutdown()
    server.server_close()
    Hook.patience.clear()


@pytest.fixture
def mailbox() -> Iterator[tuple[int, Mailbox]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port, box
    controller.stop()


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    def set_(**ways: Any) -> None:
        file = tmp_path / f"conf-{len(list(tmp_path.iterdir()))}.yaml"
        file.write_text(yaml.safe_dump({"alerts": ways}))
        monkeypatch.setenv("ECHOLAKE_CONF", str(file))

    return set_


def mail(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": port, "tls": "none", "sender": "lake@example.com", "recipients": ["call@example.com"],
        "timeout_seconds": 1, **more,
    }  # fmt: skip


class Ti:
    """What of a task instance is told."""

    dag_id, task_id, run_id = "nightly", "bronze.calls", "scheduled__2026-01-06"

    class task:  # noqa: N801
        owner = "platform"


def test_a_failed_task_is_told_by_mail_and_webhook(
    configure: Configure, mailbox: tuple[int, Mailbox], hook: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{hook}/200")
    port, box = mailbox
    configure(mail=mail(port), webhook={"url_env": "ALERT_URL"})
    error = DataError("calls 2026-01-05: no file", expected="a file", found="none", todo="have it delivered")
    alerts.task_failed({"ti": Ti, "exception": error})
    [message], [posted] = box.mails, Hook.came
    assert message["Subject"] == "Echolake: nightly: bronze.calls failed"
    assert (message["From"], message["To"]) == ("lake@example.com", "call@example.com")
    assert parsedate_to_datetime(message["Date"]).date() == datetime.now(UTC).date()
    assert message["Message-ID"].endswith("@example.com>")
    told = ["calls 2026-01-05: no file", "expected: a file", "owner:    platform", "scheduled__2026-01-06"]
    for text in (message.get_content(), posted["text"], "\n".join(posted["lines"])):
        assert all(line in text for line in told)


def test_a_night_that_is_late_is_told_and_none_of_a_backfill(
    configure: Configure, hook: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{hook}/200")
    configure(webhook={"url_env": "ALERT_URL"})
    for kind in ("backfill", "scheduled"):
        run = {"dag_id": "nightly", "dag_run_id": f"{kind}__1", "run_type": kind, "state": "running"}
        context = {"dag_run": run, "deadline": {"deadline_time": "2026-01-06 09:00"}}
        asyncio.run(alerts.deadline_missed(context, "nobody has figures"))
    [posted] = Hook.came
    assert posted["title"] == "nightly: not done by 2026-01-06 09:00"
    assert posted["lines"][-1] == "  run:      scheduled__1, running"


@pytest.mark.parametrize(
    ("path", "why"),
    [("/500", "HTTP 500"), ("/404", "HTTP 404"), ("/302", "HTTP 302"), ("/hangs", "timed out"), (None, "refused")],
)
def test_an_alert_that_does_not_arrive_is_an_error_in_the_log_and_the_other_way_is_gone(
    configure: Configure,
    mailbox: tuple[int, Mailbox],
    hook: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str | None,
    why: str,
) -> None:
    address = f"http://127.0.0.1:{hook}{path}" if path else f"http://127.0.0.1:{free_port()}/secret-path"
    monkeypatch.setenv("ALERT_URL", address)
    configure(mail=mail(mailbox[0]), webhook={"url_env": "ALERT_URL", "timeout_seconds": 0.3})
    alerts.tell("nightly: late", "by 06:00")
    assert len(mailbox[1].mails) == 1
    assert why in caplog.text.lower() or why in caplog.text
    assert address not in caplog.text
    assert "secret-path" not in caplog.text


def test_a_mail_server_that_is_down_or_refuses_does_not_stop_the_webhook(
    configure: Configure,
    mailbox: tuple[int, Mailbox],
    hook: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{hook}/200")
    port, box = mailbox
    for server in (
        mail(free_port()),
        mail(port, recipients=["unknown@example.com"]),
        mail(port, user="u", password_env="NONE"),
        mail(port, host="smtp..example.com"),
    ):
        configure(mail=server, webhook={"url_env": "ALERT_URL"})
        alerts.tell("nightly: late")
    # No subject of a mail has two lines.
    configure(mail=mail(port), webhook={"url_env": "ALERT_URL"})
    alerts.tell("nightly:\nlate")
    assert len(Hook.came) == 5
    assert box.mails == []
    assert caplog.text.count("the alert did not arrive") == 5


def test_what_a_file_is_called_is_no_link_and_calls_nobody(
    configure: Configure, hook: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URL", f"http://127.0.0.1:{hook}/200")
    configure(webhook={"url_env": "ALERT_URL"})
    alerts.tell("nightly: late", "<!channel> <https://evil.example|calls.csv> & more")
    [posted] = Hook.came
    assert posted["text"] == "*nightly: late*\n&lt;!channel&gt; &lt;https://evil.example|calls.csv&gt; &amp; more"


@pytest.mark.parametrize(
    "address",
    ["a@b.example\nBcc: c@d.example", "a@b.example, c@d.example", "a@b.example\r\n\r\nbody", "nobody", "a b@c"],
)
def test_an_address_of_mail_is_one_address(configure: Configure, address: str) -> None:
    for given in ({"recipients": [address]}, {"sender": address}):
        configure(mail=mail(25, **given))
        with pytest.raises(DataError, match="configuration"):
            read_settings()


def test_an_address_that_is_none_or_in_clear_is_not_used(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configure(webhook={"url_env": "ALERT_URL"})
    for address in ("", "http://example.com/hook", "file:///etc/passwd"):
        monkeypatch.setenv("ALERT_URL", address)
        alerts.tell("nightly: late")
    assert caplog.text.count("expected an https address in the environment variable ALERT_URL") == 3


def test_an_address_with_a_blank_in_it_does_not_stand_in_the_log(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALERT_URL", "http://127.0.0.1:1/services/secret path")
    configure(webhook={"url_env": "ALERT_URL"})
    alerts.tell("nightly: late")
    assert "the alert did not arrive" in caplog.text
    assert "secret" not in caplog.text


def test_a_configuration_that_cannot_be_read_does_not_hide_the_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ECHOLAKE_CONF", str(tmp_path / "none.yaml"))
    alerts.tell("nightly: bronze.calls failed")
    assert "ALERT nightly: bronze.calls failed" in caplog.text
    assert "in this log alone" in caplog.text


def test_a_password_does_not_leave_the_machine_in_clear(configure: Configure) -> None:
    configure(mail=mail(25, host="smtp.example.com", user="u", password_env="P"))
    with pytest.raises(DataError, match="without tls"):
        read_settings()


def test_without_conf_nobody_is_told_but_the_log(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    configure()
    with caplog.at_level(logging.ERROR):
        alerts.tell("nightly: late", "by 06:00")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
