"""Known faults (osv.dev) of the Python packages in requirements.lock and of the jars that scripts/**/ivy.xml ask for.

Ends with 0: none is known; 1: some are, or nobody could be asked. OSV_URL names another server that answers as osv.dev.
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

from defusedxml import ElementTree

ROOT = Path(__file__).resolve().parents[1]
OSV = os.environ.get("OSV_URL", "https://api.osv.dev/v1/query")
IVY = ("scripts/ivy.xml", "scripts/s3/ivy.xml")
FOUND = "known vulnerabilit"
"""What pip-audit says when it has an answer."""


def main() -> int:
    """Asks for packages and jars; says plainly of which nothing is known because nobody answered."""
    asked = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--osv-url", OSV]
    asked += ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "-r", "requirements.lock"]
    packages = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    is_answered = FOUND in packages.stderr
    say(f"Python packages: {packages.stderr.strip() if is_answered else 'NOT AUDITED, nobody answered at ' + OSV}")
    say(packages.stdout.strip())
    try:
        jars = {jar: faults_of(*jar) for ivy in IVY for jar in jars_of(ROOT / ivy)}
    except (URLError, OSError, ValueError):
        say(f"jars: NOT AUDITED, nobody answered at {OSV}")
        return 1
    for (name, version), faults in jars.items():
        say(f"jar {name} {version}: {', '.join(faults) or 'no known fault'}")
    return 1 if packages.returncode or not is_answered or any(jars.values()) else 0


def jars_of(ivy: Path) -> list[tuple[str, str]]:
    """Maven's name and the version of each jar that is asked for."""
    found = ElementTree.parse(ivy).iter("dependency")
    return [(f"{each.get('org')}:{each.get('name')}", str(each.get("rev"))) for each in found]


def faults_of(name: str, version: str) -> list[str]:
    """The ids of the faults of a jar."""
    question = {"package": {"name": name, "ecosystem": "Maven"}, "version": version}
    request = urllib.request.Request(OSV, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        return [str(fault["id"]) for fault in json.load(answer).get("vulns", [])]


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(f"{text}\n" if text else "")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
