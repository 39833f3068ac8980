"""A real PostgreSQL of one's own, on loopback, with a user who may read alone."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "p@ss:w/rd %41"
"""With signs that URLs and JSON write otherwise."""
READER = "reader"


class Postgres:
    """A server whose files live in a folder of its own; it can be stopped, killed and started again."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.root = Path(tempfile.mkdtemp(prefix="echolake-postgres-"))
        # It refuses to run as root.
        self._user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._user:
            shutil.chown(self.root, **self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._run("initdb", "--username=owner", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        (self.root / "data/pg_hba.conf").write_text(
            "host all owner 127.0.0.1/32 trust\nhostssl secret all 127.0.0.1/32 scram-sha-256\n"
            "host secret all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        self._certificate()
        self.start()
        self.execute(
            f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE bank", "CREATE DATABASE secret"
        )
        self.execute(f"GRANT pg_read_all_data TO {READER}")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "--pgdata", str(self.root / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.root, **self._user)  # type: ignore[call-overload]

    def _certificate(self) -> None:
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        key, certificate = (self.root / "data" / name for name in ("server.key", "server.crt"))
        subprocess.run(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-out", certificate, "-keyout", key, *subject],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        key.chmod(0o600)
        for file in (key, certificate) if self._user else ():
            shutil.chown(file, **self._user)
        self.certificate = self.root / "root.crt"
        shutil.copy(certificate, self.certificate)
        self.certificate.chmod(0o644)
        self.root.chmod(0o755)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "fsync": "off", "ssl": "on",
        }  # fmt: skip
        given = [each for name, value in options.items() for each in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [str(self._binaries / "postgres"), "-D", str(self.root / "data"), *given],
            stderr=subprocess.DEVNULL, cwd=self.root, **self._user,
        )  # type: ignore[call-overload]  # fmt: skip
        for _ in range(200):
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("PostgreSQL did not start")

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs statements as their owner; returns the rows of the last."""
        target = f"host=127.0.0.1 port={self.port} user=owner dbname={database}"
        with psycopg.connect(target, autocommit=True) as db:
            for statement in statements:
                cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Stops it at once, whoever reads."""
        self.process.send_signal(3)
        self.process.wait()

    def remove(self) -> None:
        """Stops it, and removes its files."""
        self.stop()
        shutil.rmtree(self.root)


def binaries() -> Path | None:
    """Where this machine has the newest PostgreSQL, as Debian installs it; None when it has none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None
