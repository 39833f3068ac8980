"""No secret is in the tree, and whoever commits one is told."""

import subprocess
from pathlib import Path

import pytest

from tests.security.leaks import in_files, in_history, in_tree

# In parts, so that these are none themselves.
PLANTED = {
    "AWS Access Key": "key = '" + "AKIA" + "IOSFODNN7" + "ABCDEFG'",
    "Private Key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "Basic Auth Credentials": "url = 'postgresql://echolake:" + "kJ8vTq2wLz@db.bank.example/bank'",
    "Slack Token": "token = '" + "xoxb-" + "2444333222111-2444333222111-" + "AbCdEfGhIjKl" + "MnOpQrStUvWx'",
    "GitHub Token": "token = '" + "ghp_" + "wWPw5k4aXcaT4fNP0U" + "cnZwJUVFk6LO0pINUx'",
}
LOOKS_LIKE = {
    "Secret Keyword": "password: " + "kJ8vTq2wLzPq",
    "Base64 High Entropy String": "salt = '" + "c3VwZXIgc2VjcmV" + "0IHZhbHVlIGJ5I" + "GFueSBsb29rZq81PqLm'",
}


def test_no_secret_is_in_the_tree() -> None:
    assert in_tree() == []


@pytest.mark.parametrize(("kind", "line"), [*PLANTED.items(), *LOOKS_LIKE.items()])
def test_a_secret_in_a_file_is_found(tmp_path: Path, kind: str, line: str) -> None:
    file = tmp_path / "planted.yaml"
    file.write_text(f"time_zone: UTC\n{line}\n")
    assert f"{file}:2: {kind}" in in_files([file])


def test_a_secret_that_was_deleted_since_is_found_in_the_history(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    for kind, line in PLANTED.items():
        (tmp_path / "conf.yaml").write_text(f"{line}\n")
        git("add", ".")
        git("commit", "-m", kind)
    (tmp_path / "conf.yaml").write_text("time_zone: UTC\n")
    git("commit", "-am", "gone")
    found = in_history(tmp_path)
    assert {kind for kind in PLANTED if any(line.endswith(f"conf.yaml: {kind}") for line in found)} == {*PLANTED}
