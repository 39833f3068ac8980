"""A PostgreSQL of this checkout's own for Airflow's metadata: no port and no password, a socket in its folder alone."""

import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from jobs.errors import DataError
from jobs.processes import of_account
from jobs.whole_files import put

DEBIAN = Path("/usr/lib/postgresql")
SERVER_USER = "postgres"
"""Whom Debian's packages make; root starts the server as this user, since it refuses to run as root."""

NAME = "airflow"
"""Of the role and of the database."""

LONGEST_SOCKET = 107
"""Bytes of a socket's path that Linux takes (unix(7))."""

START_SECONDS = 120
"""After a kill it goes through its log first."""


class UnusableError(Exception):
    """Why there can be no PostgreSQL here, in a line, with what to do."""


@dataclass(frozen=True)
class Postgres:
    """The server whose files lie in `folder`, run by the programs in `binaries`, as `user` where that is another."""

    folder: Path
    binaries: Path
    user: str | None

    @property
    def data(self) -> Path:
        """Its data folder; whole as soon as it is there."""
        return self.folder / "data"

    @property
    def release(self) -> str:
        """PostgreSQL's major release."""
        return _release(self.binaries)

    @property
    def url(self) -> str:
        """Its address, as SQLAlchemy writes it."""
        return f"postgresql+psycopg2://{NAME}@/{NAME}?host={quote(str(self.folder))}"

    @property
    def command(self) -> list[str]:
        """What runs it in the foreground."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.folder}"',
            "unix_socket_permissions": "0700",
        }
        given = [each for name, value in options.items() for each in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *given]

    def prepare(self) -> None:
        """Makes the data folder, once, and says who is let in.

        Raises:
            DataError: PostgreSQL's own program failed.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own(self.folder)
        if not self.data.exists():
            new = self.folder / "new"
            # What was killed on its way would be taken for whole by its PG_VERSION.
            shutil.rmtree(new, ignore_errors=True)
            arguments = f"--username={NAME} --auth=peer --encoding=UTF8 --locale=C.UTF-8 --pgdata".split()
            self._call("initdb", *arguments, str(new))
            new.rename(self.data)
        # The kernel says who connects: whoever started this, and nobody else.
        for name, line in {
            "pg_hba.conf": f"local all {NAME} peer map=owner",
            "pg_ident.conf": f'owner "{_user_name()}" {NAME}',
        }.items():
            put(self.data / name, f"{line}\n".encode(), 0o600)
            self._own(self.data / name)

    def answers(self) -> bool:
        """Whether it takes connections; makes the database when it is not there yet."""
        try:
            target = {"host": str(self.folder), "user": NAME, "connect_timeout": 5}
            with psycopg.connect(**target, dbname="postgres", autocommit=True) as db:  # type: ignore[arg-type]
                if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                    db.execute(f"CREATE DATABASE {NAME}".encode())
        except psycopg.OperationalError:
            return False
        return True

    def wait(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        """Waits until it answers.

        Raises:
            DataError: it ended, or does not answer.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self.answers():
                return
            time.sleep(0.1)
        raise DataError(
            "PostgreSQL for Airflow",
            expected=f"the server of {self.folder} to answer within {START_SECONDS} s",
            found="it ended" if process.poll() is not None else "no answer",
            todo=f"its log is {log}",
        )

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **of_account(self.user))
        if done.returncode:
            raise DataError(
                "PostgreSQL for Airflow",
                expected=f"{program} to make {self.data}",
                found=" ".join(done.stderr.split()) or f"exit code {done.returncode}",
                todo="mend that, or name another database: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            )

    def _own(self, path: Path) -> None:
        if self.user is not None:
            # In a folder of that account a link may have taken the file's place.
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def find(folder: Path) -> Postgres:
    """The server of this folder.

    Raises:
        UnusableError: there is no data yet, and there can be none here.
        DataError: there is data, and nothing that reads it.
    """
    installed = {_release(binaries): binaries for binaries in _installed()}
    user = SERVER_USER if os.geteuid() == 0 else None
    kept = folder / "data/PG_VERSION"
    if kept.exists():
        release = kept.read_text().strip()
        if release not in installed:
            raise DataError(
                "PostgreSQL for Airflow",
                expected=f"PostgreSQL {release}, which wrote {folder}",
                found=", ".join(sorted(installed)) or "none",
                todo=f"apt-get install postgresql-{release}; pg_upgrade moves the data on to another release",
            )
        return Postgres(folder, installed[release], user)
    if not installed:
        raise UnusableError("PostgreSQL is not installed; apt-get install postgresql")
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > LONGEST_SOCKET:
        raise UnusableError(f"the path {folder} is too long for PostgreSQL's socket; move the checkout")
    if user is not None and not _may_enter(user, folder):
        raise UnusableError(
            f"root starts PostgreSQL as the user {user}, who may not enter {folder.parent}; "
            "chmod o+x what lies above it, or do not run as root"
        )
    try:
        _user_name()
    except KeyError:
        raise UnusableError(f"the user {os.geteuid()} has no name, which PostgreSQL wants; give it one") from None
    newest = max(installed, key=int)
    return Postgres(folder, installed[newest], user)


def _installed() -> list[Path]:
    found = [file.parent for file in DEBIAN.glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    return found or ([Path(on_path).resolve().parent] if on_path else [])


def _release(binaries: Path) -> str:
    # It says: postgres (PostgreSQL) 15.14 (Debian ...).
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2].split(".")[0]


def _may_enter(user: str, folder: Path) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.chown(folder, user, user)
    tried = subprocess.run(["test", "-w", folder], check=False, cwd="/", user=user, group=user, extra_groups=[])
    return tried.returncode == 0


def _user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
