"""What is installed is what the lock says, by hash; known faults of it are found, and silence is not taken for none."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from threading import Thread

import pytest

from jobs.session import free_port
from tests.conftest import REPO


class Advisories(BaseHTTPRequestHandler):
    """Answers as osv.dev does: it knows faults of the packages in `faulty`."""

    faulty: tuple[str, ...] = ()

    def do_POST(self) -> None:
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        package = {"name": name, "ecosystem": "PyPI"}
        known = {"id": "PYSEC-2026-1", "summary": "a fault", "affected": [{"package": package}], "aliases": []}
        body = json.dumps({"vulns": [known]} if name in self.faulty else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def advisories() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def audit(url: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "scripts/audit.py"], cwd=REPO, env={**os.environ, "OSV_URL": url}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("faulty", "code", "told"),
    [
        ((), 0, "No known vulnerabilities found"),
        (("jinja2",), 1, "PYSEC-2026-1"),
        (("org.postgresql:postgresql",), 1, "jar org.postgresql:postgresql 42.7.8: PYSEC-2026-1"),
        (("org.gaul:s3proxy",), 1, "jar org.gaul:s3proxy 4.0.0: PYSEC-2026-1"),
    ],
)
def test_a_known_fault_of_a_package_or_a_jar_fails_the_audit(
    advisories: str, faulty: tuple[str, ...], code: int, told: str
) -> None:
    Advisories.faulty = faulty
    ended, said = audit(advisories)
    assert told in said
    assert ended == code


def test_no_answer_is_not_taken_for_no_fault() -> None:
    ended, said = audit(f"http://127.0.0.1:{free_port()}/v1/query")
    assert ended == 1
    assert said.count("NOT AUDITED") == 2


def test_every_package_and_jar_is_pinned_by_a_hash() -> None:
    lock = (REPO / "requirements.lock").read_text()
    pins = re.split(r"\n(?=[a-z0-9])", re.sub(r"\\\n", " ", lock))
    pins = [pin for pin in pins if re.match(r"[a-z0-9.\-\[\]]+==", pin)]
    assert len(pins) > 100
    assert [pin[:40] for pin in pins if "--hash=sha256:" not in pin] == []
    jars = {file.name for file in (REPO / ".local/jars").iterdir()}
    sums = dict(line.split()[::-1] for line in (REPO / "scripts/jars.sha256").read_text().splitlines())
    assert jars == {*sums}
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in sums.values())


def test_what_is_installed_is_what_the_lock_says() -> None:
    lock = (REPO / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9.\-]+)(?:\[[^\]]*\])?==([^ ;\\\n]+)", lock, re.MULTILINE))
    installed = {name: version(name) for name in ("mlflow", "pyspark", "apache-airflow", "pymysql", "jinja2", "skops")}
    assert {name: pinned[name] for name in installed} == installed
