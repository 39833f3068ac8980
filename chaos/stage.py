"""What every round begins with: a small call centre with its history, and the same nights without any fault."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

import sample
from chaos.database import Database, connection
from chaos.errors import NotHereError
from chaos.lakes import Fingerprint, Lake
from chaos.runs import Run
from sample import answers
from sample.identity import phone_forms
from sample.world import World

ROOT = Path(__file__).resolve().parents[1]
CODE = ("conf", "dags", "expectations", "jobs", "models", "sample")
CUSTOMERS = 60
FIRST, NIGHT = date(2026, 2, 2), date(2026, 2, 10)
"""A history of eight days, and the night that things befall."""
NEXT = NIGHT + timedelta(days=1)
FILES, DATABASE, BOTH_NIGHTS = "files", "database", "both nights"
"""Nights without a fault: of files alone, with transactions from a database, and followed by the next one."""
# Many small plans over a few rows: compiling them costs more than it gives.
SMALL = {
    "spark.driver.memory": "2g",
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
SHORT_LIVED = {
    **SMALL,
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
}
"""Of a server for one night; that of the suite lives long enough for its compiler to pay."""


@dataclass(frozen=True)
class Kind:
    """What a night without a fault came to."""

    root: Path
    fingerprints: dict[str, Fingerprint]
    steps: dict[str, set[Fingerprint]]
    """By table what any of its versions held, from the last one before the night on."""
    usual: list[float]
    """Seconds before the first table, from each table to the next, and after the last."""
    bytes: int
    """By how much lake and delivery grew."""

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.root / "lake")


class Stage:
    """The folder of a suite: a copy of the code with its own state, the history, and the folder of the round at hand.

    All rounds play in the one folder `round`, since addresses of models are absolute.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        self.code, self.round, self.base = work / "code", work / "round", work / "base"
        self.database = Database()
        self.said = self.code / ".local/said.log"
        """What all commands of the round said; beside the round's folder, whose disk may be full."""
        self.before: dict[str, int] = {}
        """The version of each table before the night."""
        self.personal = work / "personal.txt"
        self._kinds: dict[str, Kind] = {}

    def claim(self) -> bool:
        """Whether the folder is this suite's from now on, and no other's that is at work."""
        self.work.mkdir(parents=True, exist_ok=True)
        self._lock = (self.work / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def set_up(self) -> None:
        """Makes code, server and history; what an earlier suite of the same code has made is used again."""
        stamp, digest = self.work / "stamp", _digest_of_code()
        if not (stamp.exists() and stamp.read_text() == digest):
            for folder in (self.code, self.round, self.base, *self.work.glob("after *")):
                shutil.rmtree(folder, ignore_errors=True)
            stamp.unlink(missing_ok=True)
        if not self.code.exists():
            for name in CODE:
                shutil.copytree(ROOT / name, self.code / name, ignore=shutil.ignore_patterns("__pycache__"))
            (self.code / ".local").mkdir()
            (self.code / ".local/jars").symlink_to(ROOT / ".local/jars")
        # One that an earlier suite left is of no use: its address is not known.
        self._of_server("stop_server")
        self.serve()
        if not stamp.exists():
            self._load()
            stamp.write_text(digest)
        self.before = Lake(self.base / "lake").versions()

    def close(self) -> None:
        """Stops the servers."""
        self.database.remove()
        self._of_server("stop_server")

    def serve(self) -> None:
        """Makes sure that the suite's Spark server is up."""
        if self.server_of(self.work / "server") == 0:
            self.remote = self._of_server("ensure_server").splitlines()[-1]

    def server_of(self, lake: Path) -> int:
        """The process of the Spark server that a lake has for itself; 0 when there is none."""
        name = hashlib.sha256(str(lake).encode()).hexdigest()[:12]
        try:
            pid = int(json.loads((self.code / f".local/run/{name}/server.json").read_text())["pid"])
            is_ours = b"SparkConnectServer" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return 0
        return pid if is_ours else 0

    def _of_server(self, function: str) -> str:
        conf = self.work / "server.yaml"
        conf.write_text(yaml.safe_dump({"spark": {"conf": SMALL}}))
        told = f"from jobs import session, settings; print(session.{function}(settings.read_settings()))"
        environment = self._variables(self.work, conf) | {"ECHOLAKE_LAKE": str(self.work / "server")}
        return subprocess.run(
            [sys.executable, "-c", told], cwd=self.code, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def environment(self, kind: str = FILES, is_served: bool = True) -> dict[str, str]:
        """The variables of a command of the round; `is_served` by the suite's server, else by one of the lake's own."""
        spark: dict[str, Any] = {"remote": self.remote} if is_served else {"conf": SHORT_LIVED}
        conf: dict[str, Any] = {"spark": spark}
        if kind == DATABASE:
            conf |= connection(self.database)
        file = self.round / f"conf-{kind}-{'served' if is_served else 'own'}.yaml"
        file.write_text(yaml.safe_dump(conf))
        return self._variables(self.round, file) | self.database.variables

    @staticmethod
    def _variables(folder: Path, conf: Path) -> dict[str, str]:
        ours = ("ECHOLAKE_", "AIRFLOW", "MLFLOW_", "PYTHONPATH", "LD_PRELOAD")
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "ECHOLAKE_CONF": str(conf),
            "ECHOLAKE_LANDING": str(folder / "landing"),
            "ECHOLAKE_LAKE": str(folder / "lake"),
            "ECHOLAKE_DELIVERY": str(folder / "delivery"),
            "ECHOLAKE_PII_KEY_FILE": str(folder / "pseudonym.key"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow/mlflow.db",
            "PYTHONPATH": str(ROOT / "conf/airflow"),
        }

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        """Starts a command in the round's folder."""
        return Run(command, self.code, environment, self.said)

    def prepare(self, kind: str) -> None:
        """Makes the night of that kind without a fault, and the round's folder anew.

        Raises:
            NotHereError: this machine lacks what such a night needs.
        """
        self.serve()
        if kind == DATABASE:
            if not Database.is_there():
                raise NotHereError("no PostgreSQL on this machine (Debian: postgresql)")
            self.database.start(self.base / f"landing/transactions/ds={NIGHT}")
        self.kind(kind)
        self.cleared()
        self.copied()

    def copied(self) -> None:
        """Makes the round's folder a copy of the history."""
        subprocess.run(["cp", "-a", "--reflink=auto", f"{self.base}/.", str(self.round)], check=True)

    def cleared(self) -> None:
        """Empties the round's folder."""
        if self.round.is_mount():
            # A suite that was killed left its disk.
            subprocess.run(["umount", "--lazy", self.round], check=True)
        shutil.rmtree(self.round, ignore_errors=True)
        self.round.mkdir()
        self.said.unlink(missing_ok=True)

    def _load(self) -> None:
        began = time.monotonic()
        self.cleared()
        made = sample.write(self.round / "landing", FIRST, NEXT, customers=CUSTOMERS)
        world = World(7, CUSTOMERS)
        # Numbers also in forms that no file happened to have: the vault and the lists have one of their own.
        numbers = {version["phone"] for holder in world.customers for version in holder.versions if version["phone"]}
        personal = made.personal.union(*map(phone_forms, numbers))
        # Shorter ones stand in other texts too.
        telling = sorted(value for value in personal if len(value) > 3 or not value.isascii())
        self.personal.write_text("".join(f"{value}\n" for value in telling if "\n" not in value), encoding="utf-8")
        before = NIGHT - timedelta(days=1)
        self._demanded("load", "--from", str(FIRST), "--to", str(before))
        self._return_lists(world)
        self.round.rename(self.base)
        say(f"history of {CUSTOMERS} customers, {FIRST} to {before}: {time.monotonic() - began:.0f} s")

    def _return_lists(self, world: World) -> None:
        """Puts the lists of the night into the inbox as those who worked them fill them in."""
        delivery, an_hour_ago = self.round / "delivery", time.time() - 3_600
        for file in answers.files(delivery, NIGHT):
            back = delivery / "inbox" / f"{NIGHT} {file.name}"
            back.write_bytes(answers.filled_in(world, file, NIGHT, NIGHT) or b"")
            os.utime(back, (an_hour_ago, an_hour_ago))

    def kind(self, name: str) -> Kind:
        """The night without a fault; it runs when it is asked for first."""
        if name not in self._kinds:
            root, told = self.work / f"after {name}", self.work / f"after {name}.json"
            if not root.exists():
                self._play(name, root, told)
            usual, growth = json.loads(told.read_text())
            lake, before = Lake(root / "lake"), Lake(self.base / "lake")
            steps = {table: {before.fingerprint(table)} for table in lake.names()}
            for table, version in lake.since(self.before):
                steps[table].add(lake.fingerprint(table, version))
            self._kinds[name] = Kind(root, lake.fingerprints(), steps, usual, growth)
        return self._kinds[name]

    def _play(self, name: str, root: Path, told: Path) -> None:
        self.cleared()
        self.copied()
        inbox, aside = self.round / "delivery/inbox", self.round / "inbox"
        if name == BOTH_NIGHTS:
            # The newest night alone takes lists in: they come back between the two, whichever of them runs first.
            inbox.rename(aside)
            inbox.mkdir()
        run = self._demanded("backfill", "--from", str(NIGHT), "--to", str(NIGHT), kind=name)
        usual = run.seconds
        if name == BOTH_NIGHTS:
            for file in aside.iterdir():
                file.replace(inbox / file.name)
            aside.rmdir()
            self._demanded("backfill", "--from", str(NEXT), "--to", str(NEXT))
        growth = sum(_bytes(self.round / each) - _bytes(self.base / each) for each in ("lake", "delivery"))
        told.write_text(json.dumps([usual, growth]))
        self.round.rename(root)
        say(f"night without a fault ({name}): {sum(usual):.0f} s")

    def _demanded(self, *command: str, kind: str = FILES) -> Run:
        run = self.run(command, self.environment(DATABASE if kind == DATABASE else FILES))
        try:
            code = run.wait()
        finally:
            run.end()
        if code != 0:
            raise RuntimeError(f"{' '.join(command)} fails without any fault:\n{run.text[-3_000:]}")
        return run


def say(line: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _digest_of_code() -> str:
    digest = hashlib.sha256()
    files = [file for folder in CODE for file in sorted((ROOT / folder).rglob("*")) if file.is_file()]
    for file in (*files, Path(__file__)):
        if "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def _bytes(folder: Path) -> int:
    # A disk has room for whole pages.
    return sum(-(-file.stat().st_size // 4096) * 4096 for file in folder.rglob("*") if file.is_file())
