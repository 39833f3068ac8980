"""A delivery by mail through a real SMTP server: the totals in words, and the files where conf says so."""

import asyncio
import email
import ssl
import subprocess
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session

from jobs.delivery.records import DELIVERIES
from jobs.errors import DataError
from jobs.session import free_port
from tests.jobs.delivery.conftest import LIST_ON, SAVE, Configure, Outreach, content


class Mailbox:
    """Keeps what comes; dies or hangs while it takes a mail, when it is told to."""

    def __init__(self) -> None:
        self.mood, self.mails, self.taken_for = "well", [], []  # type: str, list[EmailMessage], list[list[str]]

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("unknown"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.mood == "dies":
            server.transport.abort()
        if self.mood == "hangs":
            await asyncio.sleep(3)
        if self.mood != "well":
            return "451 not now"
        message = email.message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.taken_for.append(envelope.rcpt_tos)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost"], cwd=folder, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[Controller]:
    """Offers STARTTLS, and takes a password once that is on."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def check(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (b"lists", b"secret"), handled=False)

    controller = Controller(
        Mailbox(),
        hostname="127.0.0.1",
        port=free_port(),
        server_hostname="localhost",
        tls_context=context,
        authenticator=check,
    )
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def mailbox(server: Controller) -> Mailbox:
    box: Mailbox = server.handler
    box.__init__()  # type: ignore[misc]
    return box


@pytest.fixture
def conf(server: Controller) -> dict[str, Any]:
    people = {"sender": "lake@bank.test", "recipients": ["desk@bank.test"]}
    return {"host": "127.0.0.1", "port": server.port, "tls": "none", **people, "timeout_seconds": 1}


def test_the_totals_go_out_in_words_and_no_number_in_clear(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp=conf)
    assert outreach.deliver().sent == [("smtp", LIST_ON)]
    [mail] = mailbox.mails
    assert (mail["subject"], mail["to"]) == ("Echolake: lists for 2026-02-10", "desk@bank.test")
    assert list(mail.iter_attachments()) == []
    assert "+86" not in str(mail)
    assert mail.get_content().splitlines() == [
        "Lists for 2026-02-10: 4 contacts of 3 campaigns.",
        "",
        "app_hint: 1 listed of 1 candidates",
        "  held out to measure the effect: 0",
        "  suppressed: 0",
        "churn_save: 2 listed of 4 candidates",
        "  held out to measure the effect: 1",
        "  suppressed: 1 (no_consent 1)",
        "repayment_reminder: 1 listed of 1 candidates",
        "  held out to measure the effect: 0",
        "  suppressed: 0",
        "",
        f"The files are in {outreach.folder}.",
    ]


def test_files_are_attached_where_conf_says_so(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp={**conf, "attachments": True})
    outreach.deliver()
    attached = {part.get_filename(): part.get_payload(decode=True) for part in mailbox.mails[0].iter_attachments()}
    assert attached == content(outreach.folder)


def test_a_second_run_sends_no_second_mail(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp=conf)
    outreach.deliver()
    outreach.deliver()
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(("mood", "found"), [("dies", "ended half-way"), ("hangs", "no answer within 1 s")])
def test_a_server_that_fails_half_way_is_a_warning_in_seconds_and_the_next_run_sends(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any], mood: str, found: str
) -> None:
    configure(smtp=conf)
    mailbox.mood = mood
    began = time.monotonic()
    [warning] = outreach.deliver().warnings
    assert time.monotonic() - began < 6
    assert warning.startswith("delivery 2026-02-10 to smtp: expected an SMTP server at 127.0.0.1:")
    assert found in warning
    assert len(content(outreach.folder)) == 7
    mailbox.mood = "well"
    assert outreach.deliver().sent == [("smtp", LIST_ON)]
    assert len(mailbox.mails) == 1


def test_a_mail_has_the_same_identity_whenever_it_is_sent(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp=conf)
    outreach.deliver()
    outreach.tables.delete(DELIVERIES, "destination = 'smtp'")
    outreach.deliver()
    first, second = mailbox.mails
    assert first["message-id"] == second["message-id"]


def test_a_recipient_who_is_refused_is_a_warning_and_the_others_get_it_once(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp={**conf, "recipients": ["desk@bank.test", "unknown@bank.test"]})
    assert outreach.deliver().warnings == ["delivery 2026-02-10 to smtp: the server refused unknown@bank.test"]
    assert outreach.deliver().warnings == []
    assert mailbox.taken_for == [["desk@bank.test"]]


def test_with_tls_a_password_from_the_environment_opens(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any], certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    secured = {
        **conf,
        "timeout_seconds": 10,
        "host": "localhost",
        "tls": "starttls",
        "ca_file": str(certificate / "cert.pem"),
    }
    configure(smtp={**secured, "user": "lists", "password_env": "ECHOLAKE_TEST_PASSWORD"})
    assert "no ECHOLAKE_TEST_PASSWORD in the environment" in outreach.deliver().warnings[0]
    monkeypatch.setenv("ECHOLAKE_TEST_PASSWORD", "wrong")
    assert "535" in outreach.deliver().warnings[0]
    monkeypatch.setenv("ECHOLAKE_TEST_PASSWORD", "secret")
    assert outreach.deliver().sent == [("smtp", LIST_ON)]


def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    configure(smtp={**conf, "host": "localhost", "tls": "starttls"})
    assert "CERTIFICATE_VERIFY_FAILED" in outreach.deliver().warnings[0]
    assert mailbox.mails == []


@pytest.mark.parametrize("secret", [{"attachments": True}, {"user": "lists", "password_env": "X"}])
def test_neither_numbers_nor_a_password_leave_this_machine_without_tls(
    configure: Configure, conf: dict[str, Any], secret: dict[str, Any]
) -> None:
    configure(smtp={**conf, **secret})
    with pytest.raises(DataError, match="must not leave this machine without tls"):
        configure(smtp={**conf, "host": "mail.bank.test", **secret})


def test_a_destination_that_fails_does_not_keep_another_from_its_lists(
    outreach: Outreach, configure: Configure, mailbox: Mailbox, conf: dict[str, Any]
) -> None:
    sftp = {"host": "127.0.0.1", "port": 1, "user": "u", "key_file": "k", "known_hosts": "/dev/null"}
    configure(smtp=conf, sftp=sftp)
    done = outreach.deliver()
    assert done.sent == [("smtp", LIST_ON)]
    assert [warning.split(":")[0] for warning in done.warnings] == ["delivery 2026-02-10 to sftp"]
    assert f"{SAVE}.csv" in content(outreach.folder)
