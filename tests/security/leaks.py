"""Looks for what must never be committed: `python -m tests.security.leaks` in the tree, with `--history` in all that was ever committed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file, scan_line
from detect_secrets.settings import transient_settings

REPO = Path(__file__).resolve().parents[2]
HASHES = ("requirements.lock", "scripts/uv.lock", "scripts/jars.sha256", "conf/tags/lock.json")
"""They hold nothing but names and hashes."""
GUESSES = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector")
"""These find a secret by its looks, and hashes or names of variables too: in the tree alone, where each can be told apart."""
NOT_SECRET = {
    "BANK_PASSWORD", "NONE", "ECHOLAKE_TEST_PASSWORD", "ECHOLAKE_CHAOS_PASSWORD", "_SPARK_AUTH_SECRET",  # variables' names
    "mlflow.password",  # of a file
    "p@ss:w/rd %41", "se-cret", "password", "secret", "sees-all-does-nothing", "...",  # of servers that tests start, and of the documentation
}  # fmt: skip
FILTERS = [
    {"path": "detect_secrets.filters.allowlist.is_line_allowlisted"},
    {"path": "detect_secrets.filters.heuristic.is_templated_secret"},
    {"path": "detect_secrets.filters.heuristic.is_indirect_reference"},
    {"path": "detect_secrets.filters.heuristic.is_prefixed_with_dollar_sign"},
    {"path": "detect_secrets.filters.heuristic.is_sequential_string"},
]


def in_files(files: list[Path]) -> list[str]:
    """A line for each secret in the files: where it is, and of which kind; never what."""
    with transient_settings(_settings()):
        found = [secret for file in files for secret in scan_file(str(file))]
    return [f"{_shown(secret.filename)}:{secret.line_number}: {secret.type}" for secret in found if _counts(secret)]


def in_tree() -> list[str]:
    """As `in_files`, of all files that are committed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    files = [REPO / name for name in listed.split("\0") if name and name not in HASHES]
    return in_files([file for file in files if file.is_file()])


def in_history(repo: Path = REPO) -> list[str]:
    """A line for each secret in a line that any commit added; by the forms that nothing else has."""
    found = set()
    with transient_settings(_settings(*GUESSES)):
        for place, line in _added(repo):
            found |= {f"{place}: {secret.type}" for secret in scan_line(line) if _counts(secret)}
    return sorted(found)


def _added(repo: Path) -> Iterator[tuple[str, str]]:
    command = ["git", "log", "--all", "-p", "--unified=0", "--no-color", "--no-ext-diff", "--format=commit %h"]
    with subprocess.Popen(command, cwd=repo, stdout=subprocess.PIPE, text=True, errors="replace") as log:
        commit = file = ""
        for line in log.stdout or ():
            if line.startswith("commit "):
                commit = line.split()[1]
            elif line.startswith("+++ "):
                file = line[6:].strip()
            elif line.startswith("+") and file not in HASHES:
                yield f"{commit} {file}", line[1:].rstrip("\n")


def _settings(*without: str) -> dict[str, list[dict[str, str]]]:
    kinds: dict[str, Any] = get_mapping_from_secret_type_to_class()
    plugins = {kind.__name__ for kind in kinds.values()}
    return {
        "plugins_used": [{"name": name} for name in sorted(plugins - {*without, "IPPublicDetector"})],
        "filters_used": FILTERS,
    }


def _counts(secret: PotentialSecret) -> bool:
    return secret.secret_value not in NOT_SECRET


def _shown(file: str) -> str:
    return str(Path(file).relative_to(REPO)) if Path(file).is_relative_to(REPO) else file


if __name__ == "__main__":
    lines = in_history() if "--history" in sys.argv[1:] else in_tree()
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{len(lines)} secrets found\n")
    sys.exit(1 if lines else 0)
