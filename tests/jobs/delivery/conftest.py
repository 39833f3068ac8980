"""Lists of one day in a lake that no Spark has seen, and servers on loopback that take them."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.delivery.deliver import Delivered, deliver
from jobs.pseudonyms import ensure_key
from jobs.rights.stored import StoredTables
from jobs.session import free_port
from jobs.settings import Settings, read_settings
from tests.rights.conftest import SmallLake

NIGHT, LIST_ON = date(2026, 2, 9), date(2026, 2, 10)
ANNA, BEN, CAI = "C1", "C2", "C3"
NUMBERS = {ANNA: "+8613800138000", BEN: "+8613900139000", CAI: "+4915112345678"}
NAMES = {ANNA: "李安娜", BEN: "Ben Ōe", CAI: "=cmd|'/c calc'!A1"}
SAVE, REMINDER = "churn_save", "repayment_reminder"
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")


class Outreach(SmallLake):
    """A lake with the lists of a day, and what may go on with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        settings = read_settings()
        ensure_key(settings.key_file)
        super().__init__(Path(settings.lake), settings.key_file)
        self.fill()

    def fill(self, why: str = "Card unused for 40 days", list_on: date = LIST_ON) -> None:
        """Three customers; two are called, one is sent a text, one is held out and one suppressed."""
        self.put("silver.customers", *(self.customer(each) for each in NUMBERS))
        versions = ({**self.customer(each), "known_on": NIGHT, "superseded_on": None} for each in NUMBERS)
        self.put("silver.customers_versions", *versions)
        values = {"phone": NUMBERS, "name": NAMES}
        self.put(
            "vault.customers",
            *(
                {"person_id": each, "personal_column": column, "token": self.token(column, value), "value": value}
                for column, of_customers in values.items()
                for each, value in of_customers.items()
            ),
        )
        self.put("gold.call_lists", *self.lists(why, list_on))
        self.put("gold.call_candidates", *self.candidates(list_on))

    def customer(self, customer_id: str) -> dict[str, Any]:
        """The customer as known."""
        tokens = {"phone_token": self.token("phone", NUMBERS[customer_id])}
        return {"customer_id": customer_id, "ds": NIGHT, **tokens, "name_token": self.token("name", NAMES[customer_id])}

    @staticmethod
    def lists(why: str, list_on: date) -> list[dict[str, Any]]:
        """The rows of gold.call_lists."""

        def contact(campaign: str, channel: str, rank: int, customer_id: str, **more: Any) -> dict[str, Any]:
            at = datetime(list_on.year, list_on.month, list_on.day, rank, tzinfo=UTC)
            slot = {"slot_start_at": at, "slot_end_at": at.replace(hour=rank + 1)}
            texts = {"why": why, "script_id": "a", "script_hint": "Ask for the reason"}
            return {
                "list_on": list_on, "campaign": campaign, "channel": channel, "rank": rank, "customer_id": customer_id,
                **slot, **texts, "expected_value": 12.345, **more,
            }  # fmt: skip

        return [
            contact(SAVE, "call", 1, ANNA),
            contact(SAVE, "call", 2, CAI, expected_value=-1.5),
            contact(REMINDER, "sms", 1, BEN),
            contact("app_hint", "push", 1, "C4"),
        ]

    @staticmethod
    def candidates(list_on: date) -> list[dict[str, Any]]:
        """The rows of gold.call_candidates."""

        def candidate(campaign: str, channel: str, customer_id: str, decision: str, reason: str | None = None) -> Any:
            kind = "marketing" if campaign == SAVE else "service"
            return {
                "list_on": list_on, "campaign": campaign, "customer_id": customer_id, "kind": kind,
                "channel": channel, "decision": decision, "reason": reason,
            }  # fmt: skip

        return [
            candidate(SAVE, "call", ANNA, "listed"),
            candidate(SAVE, "call", CAI, "listed"),
            candidate(SAVE, "call", "C5", "holdout", "holdout"),
            candidate(SAVE, "call", "C6", "suppressed", "no_consent"),
            candidate(REMINDER, "sms", BEN, "listed"),
            candidate("app_hint", "push", "C4", "listed"),
        ]

    def deliver(self, list_on: date = LIST_ON, today: date | None = None) -> Delivered:
        """Delivers as a night does."""
        settings = read_settings()
        return deliver(StoredTables(settings.lake), list_on, settings, today)

    @property
    def folder(self) -> Path:
        """Where the lists of the day appear."""
        return self.root / "delivery" / str(LIST_ON)

    def hidden(self) -> list[str]:
        """What a killed run has left."""
        return [file.name for file in (self.root / "delivery").rglob(".*")]


Configure = Callable[..., Settings]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Sets keys of `delivery` in the configuration."""
    for name, folder in {"LAKE": "lake", "DELIVERY": "delivery", "LANDING": "landing", "PII_KEY_FILE": "key"}.items():
        monkeypatch.setenv(f"ECHOLAKE_{name}", str(tmp_path / folder))

    def set_(**keys: Any) -> Settings:
        file = tmp_path / f"conf-{len(list(tmp_path.glob('conf-*')))}.yaml"
        file.write_text(yaml.safe_dump({"time_zone": "Asia/Shanghai", "delivery": keys}))
        monkeypatch.setenv("ECHOLAKE_CONF", str(file))
        return read_settings()

    set_()
    return set_


@pytest.fixture
def outreach(configure: Configure, tmp_path: Path) -> Outreach:
    return Outreach(tmp_path)


class SftpServer:
    """A real OpenSSH server for one user, whose sftp part may die or hang after so many bytes."""

    def __init__(self, root: Path) -> None:
        self.root, self.files = root, root / "files"
        self.files.mkdir(parents=True)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
        (root / "sftp.sh").write_text(
            f"#!/bin/sh\ncase $(cat {root}/mood) in\n"
            f"dies) dd bs=1 count=4000 status=none | {SFTP_SERVER} ;;\n"
            f"hangs) (dd bs=1 count=4000 status=none; exec sleep 20) | {SFTP_SERVER} ;;\n"
            f"mute) exec sleep 20 ;;\n"
            f"*) exec {SFTP_SERVER} ;;\nesac\n"
        )
        (root / "sftp.sh").chmod(0o755)
        self.is_("well")
        self.port = free_port()
        key = (root / "host.pub").read_text()
        (root / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key}")
        options = {
            "Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": root / "host", "PidFile": "none",
            "AuthorizedKeysFile": root / "user.pub", "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes",
            "PasswordAuthentication": "no", "Subsystem": f"sftp {root}/sftp.sh",
        }  # fmt: skip
        (root / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
        self._start()

    def _start(self) -> None:
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        Path("/run/sshd").mkdir(exist_ok=True)
        log = (self.root / "log").open("w")
        self.process = subprocess.Popen([sshd, "-D", "-e", "-f", self.root / "sshd_config"], stderr=log)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.root / "log").read_text())

    def is_(self, mood: str) -> None:
        """From the next connection on: well, dies, hangs or mute."""
        (self.root / "mood").write_text(mood)

    def conf(self, **more: Any) -> dict[str, Any]:
        """The section that leads here."""
        return {
            "host": "127.0.0.1", "port": self.port, "user": getpass.getuser(), "key_file": str(self.root / "user"),
            "known_hosts": str(self.root / "known_hosts"), "folder": str(self.files), "timeout_seconds": 3, **more,
        }  # fmt: skip

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    if not SFTP_SERVER.exists():
        pytest.skip("needs openssh-server")
    server = SftpServer(tmp_path_factory.mktemp("sftp"))
    yield server
    server.stop()


@pytest.fixture
def sftp(sftp_server: SftpServer) -> SftpServer:
    """The server, well and empty."""
    shutil.rmtree(sftp_server.files)
    sftp_server.files.mkdir()
    sftp_server.is_("well")
    return sftp_server


def content(folder: Path) -> dict[str, bytes]:
    """What is in a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}
