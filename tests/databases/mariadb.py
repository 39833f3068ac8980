"""A real MariaDB of a test's own, on loopback, with a user who may read alone."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pymysql

from chaos.postgres import PASSWORD, READER
from jobs.session import free_port


class MariaDb:
    """A server whose files live in a folder of its own; it can be stopped, killed and started again."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="echolake-mariadb-"))
        self.root.chmod(0o755)
        # It refuses to run as root.
        self._user = {"user": "mysql", "group": "mysql"} if os.geteuid() == 0 else {}
        if self._user:
            shutil.chown(self.root, **self._user)
        self.port = free_port()
        self._certificate()
        subprocess.run(
            [
                "mariadb-install-db", "--no-defaults", f"--datadir={self.root}/data", "--auth-root-authentication-method=normal",
                "--skip-test-db", "--innodb-flush-log-at-trx-commit=0",
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.root, **self._user,
        )  # type: ignore[call-overload]  # fmt: skip
        self.start()
        password = PASSWORD.replace("'", "''")
        self.execute(
            f"CREATE USER '{READER}'@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"CREATE USER 'encrypted'@'127.0.0.1' IDENTIFIED BY '{password}' REQUIRE SSL",
            "CREATE DATABASE bank CHARACTER SET utf8mb4",
            f"GRANT SELECT, EXECUTE ON bank.* TO '{READER}'@'127.0.0.1'",
            "GRANT SELECT ON bank.* TO 'encrypted'@'127.0.0.1'",
        )

    def _certificate(self) -> None:
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        key, self.certificate = self.root / "server.key", self.root / "server.crt"
        subprocess.run(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-out", self.certificate, "-keyout", key, *subject],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        key.chmod(0o600)
        self.certificate.chmod(0o644)
        if self._user:
            shutil.chown(key, **self._user)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = {
            "datadir": f"{self.root}/data", "port": self.port, "bind-address": "127.0.0.1", "socket": f"{self.root}/socket",
            "pid-file": f"{self.root}/pid", "innodb-flush-log-at-trx-commit": 0, "innodb-buffer-pool-size": "32M",
            "ssl-cert": self.certificate, "ssl-key": self.root / "server.key", "ssl-ca": self.certificate,
            # As a server in the bank's own country has it.
            "default-time-zone": "+08:00", "sql-mode": "", "explicit-defaults-for-timestamp": "ON",
        }  # fmt: skip
        binary = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        self.process = subprocess.Popen(
            [str(binary), "--no-defaults", *(f"--{name}={value}" for name, value in options.items())],
            stderr=subprocess.DEVNULL, cwd=self.root, **self._user,
        )  # type: ignore[call-overload]  # fmt: skip
        for _ in range(600):
            try:
                self.execute("SELECT 1")
            except pymysql.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("MariaDB did not start")

    def execute(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Runs statements as their owner, at +08:00; returns the rows of the last."""
        socket = f"{self.root}/socket"
        with (
            pymysql.connect(
                unix_socket=socket, user="root", charset="utf8mb4", database=database, autocommit=True
            ) as db,
            db.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def stop(self) -> None:
        """Ends it at once, whoever reads."""
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        """Ends it, and removes its files."""
        self.stop()
        shutil.rmtree(self.root)
