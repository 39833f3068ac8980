"""A delivery on a real OpenSSH server: whole or not at all, also when the server dies or hangs half-way."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.delivery import records
from jobs.delivery.errors import DestinationError
from jobs.delivery.sftp import send
from jobs.table_logs import TableLogs
from tests.jobs.delivery.conftest import ANNA, LIST_ON, Configure, Outreach, SftpServer, content


@pytest.fixture
def sent(outreach: Outreach, configure: Configure, sftp: SftpServer) -> Path:
    """Where the lists appear on the server."""
    configure(sftp=sftp.conf())
    return sftp.files / str(LIST_ON)


def is_recorded(outreach: Outreach) -> bool:
    return LIST_ON in records.delivered(TableLogs(str(outreach.root / "lake")), "sftp")


def test_the_folder_appears_on_the_server_as_it_is_here(outreach: Outreach, sent: Path, sftp: SftpServer) -> None:
    assert outreach.deliver().sent == [("sftp", LIST_ON)]
    assert content(sent) == content(outreach.folder)
    assert [each.name for each in sftp.files.iterdir()] == ["2026-02-10"]
    assert is_recorded(outreach)


def test_a_second_run_sends_nothing(outreach: Outreach, sent: Path, sftp: SftpServer) -> None:
    outreach.deliver()
    sftp.is_("dies")
    done = outreach.deliver()
    assert (done.sent, done.warnings) == ([], [])


@pytest.mark.parametrize(
    ("mood", "found"), [("dies", "ended half-way"), ("hangs", "no answer within 3 s"), ("mute", "")]
)
def test_a_server_that_fails_half_way_is_a_warning_in_seconds_and_the_next_run_ends_it(
    outreach: Outreach, sent: Path, sftp: SftpServer, mood: str, found: str
) -> None:
    sftp.is_(mood)
    began = time.monotonic()
    done = outreach.deliver()
    assert time.monotonic() - began < 15
    [warning] = done.warnings
    assert found in warning
    assert warning.startswith("delivery 2026-02-10 to sftp: expected an SFTP server at ")
    assert not sent.exists()
    assert len(content(outreach.folder)) == 7
    assert not is_recorded(outreach)
    sftp.is_("well")
    assert outreach.deliver().sent == [("sftp", LIST_ON)]
    assert content(sent) == content(outreach.folder)
    assert [each.name for each in sftp.files.iterdir()] == ["2026-02-10"]


def test_a_server_that_dies_while_it_takes_a_large_file_is_told_of_as_one(
    configure: Configure, sftp: SftpServer, tmp_path: Path
) -> None:
    """Here it is the sender's next write that fails, not its next read."""
    server = configure(sftp=sftp.conf()).configuration.delivery.sftp
    assert server is not None
    folder = tmp_path / "2026-02-10"
    folder.mkdir()
    (folder / "large.csv").write_bytes(bytes(20_000_000))
    sftp.is_("dies")
    with pytest.raises(DestinationError, match="ended half-way"):
        send(folder, server)


def test_a_run_that_was_killed_before_it_wrote_that_down_sends_once(
    outreach: Outreach, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outreach.deliver()
    outreach.tables.delete(records.DELIVERIES, "destination = 'sftp'")
    written = sent.stat().st_mtime_ns
    assert outreach.deliver().sent == [("sftp", LIST_ON)]
    assert sent.stat().st_mtime_ns == written


def test_other_files_on_the_server_are_left_alone(outreach: Outreach, sent: Path) -> None:
    sent.mkdir()
    (sent / "manifest.json").write_text("{}")
    [warning] = outreach.deliver().warnings
    assert "move it away there" in warning
    assert content(sent) == {"manifest.json": b"{}"}


def test_a_server_with_another_key_gets_nothing(outreach: Outreach, configure: Configure, sftp: SftpServer) -> None:
    known = outreach.root / "known_hosts"
    other = (sftp.root / "user.pub").read_text()
    known.write_text(f"[127.0.0.1]:{sftp.port} {other}")
    configure(sftp=sftp.conf(known_hosts=str(known)))
    assert "another host key" in outreach.deliver().warnings[0]
    known.write_text("")
    assert "not found in known_hosts" in outreach.deliver().warnings[0]
    known.write_text("@cert-authority *.bank.example ssh-ed25519 AAAA\n")
    assert "a line that is no host's name and key" in outreach.deliver().warnings[0]
    configure(sftp=sftp.conf(known_hosts=str(outreach.root / "none")))
    assert "ssh-keyscan" in outreach.deliver().warnings[0]
    assert not list(sftp.files.iterdir())


def test_a_server_that_is_not_up_or_lets_nobody_in_is_a_warning(
    outreach: Outreach, configure: Configure, sftp: SftpServer
) -> None:
    configure(sftp=sftp.conf(port=1))
    assert "let in" in outreach.deliver().warnings[0]
    configure(sftp=sftp.conf(key_file=None, password_env="ECHOLAKE_TEST_PASSWORD"))
    assert "no ECHOLAKE_TEST_PASSWORD in the environment" in outreach.deliver().warnings[0]
    configure(sftp=sftp.conf(key_file=str(sftp.root / "host")))
    assert "let in" in outreach.deliver().warnings[0]


def test_an_older_list_is_sent_while_its_day_has_not_passed_alone(
    outreach: Outreach, sent: Path, sftp: SftpServer
) -> None:
    sftp.is_("dies")
    outreach.deliver()
    sftp.is_("well")
    later = LIST_ON + timedelta(days=1)
    outreach.fill(list_on=later)
    assert outreach.deliver(later, today=later).sent == [("sftp", later)]
    assert outreach.deliver(later, today=LIST_ON).sent == [("sftp", LIST_ON)]


def test_an_older_night_that_is_made_again_does_not_send_what_is_past(outreach: Outreach, sent: Path) -> None:
    later = LIST_ON + timedelta(days=1)
    outreach.fill(list_on=later)
    outreach.deliver(later)
    outreach.fill()
    done = outreach.deliver()
    assert done.is_new
    assert done.sent == []


def test_a_folder_that_was_changed_is_not_sent(outreach: Outreach, sent: Path, sftp: SftpServer) -> None:
    sftp.is_("dies")
    outreach.deliver()
    sftp.is_("well")
    (outreach.folder / "churn_save.csv").write_text("filled in")
    assert "not sent, the folder is not as delivered" in outreach.deliver().warnings[-1]
    assert not sent.exists()


def test_opt_outs_that_come_later_follow_the_list(outreach: Outreach, sent: Path, sftp: SftpServer) -> None:
    outreach.deliver()
    outreach.put("silver.do_not_call", {"customer_id": ANNA, "known_on": LIST_ON})
    sftp.is_("dies")
    outreach.deliver()
    sftp.is_("well")
    outreach.deliver()
    assert content(sftp.files / "stop") == content(outreach.root / "delivery/stop")
