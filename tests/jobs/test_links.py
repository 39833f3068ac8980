"""Who may drop files for Echolake is not thereby read what Echolake alone may read."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jobs.errors import DataError
from jobs.settings import read_settings
from tests.conftest import REPO, World

pytestmark = pytest.mark.spark
DAY = "2026-01-05"
TICKETS = "ticket_id,customer_id,opened_at,category,updated_at\nT1,C1,2026-01-05 10:00:00,fault,2026-01-05 10:00:00\n"


@pytest.mark.parametrize("of", ["lake/vault/customers/some.csv", "delivery/2026-01-05/churn_save.csv", "pseudonym.key"])
@pytest.mark.parametrize("links_folder", [False, True])
def test_a_link_to_what_echolake_keeps_for_itself_is_refused(world: World, of: str, links_folder: bool) -> None:
    secret = world.root / of
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text(TICKETS)
    if of == "pseudonym.key" and links_folder:
        pytest.skip("it lies in a folder of its own")
    place = world.landing / f"tickets/ds={DAY}"
    (place.parent if links_folder else place).mkdir(parents=True)
    link = place if links_folder else place / "tickets.csv"
    link.symlink_to(secret.parent if links_folder else secret)
    with pytest.raises(DataError, match="a link to a file of Echolake's own"):
        world.land("tickets", DAY)


def test_a_link_to_elsewhere_is_a_file_like_any_other(world: World, tmp_path: Path) -> None:
    """Who keeps their files on another disk may link to them."""
    (tmp_path / "elsewhere.csv").write_text(TICKETS)
    (world.landing / f"tickets/ds={DAY}").mkdir(parents=True)
    (world.landing / f"tickets/ds={DAY}/tickets.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert [batch.rows_landed for batch in world.land("tickets", DAY)] == [1]
    assert read_settings().landing == str(world.landing)


@pytest.mark.parametrize("links_folder", [False, True])
@pytest.mark.parametrize("path", ["tickets/ds={ds}/*", "tickets/ds={ds}/tickets.csv", "tickets/ds={ds}"])
def test_a_link_to_nothing_is_no_missing_file(world: World, path: str, links_folder: bool) -> None:
    """An empty batch would take from silver what came before; a disk may just not be mounted."""
    world.configure(feeds={"tickets": {"path": path}})
    place = world.landing / f"tickets/ds={DAY}"
    (place.parent if links_folder else place).mkdir(parents=True)
    (place if links_folder else place / "tickets.csv").symlink_to(world.root / "unmounted")
    with pytest.raises(DataError, match="is a link to nothing"):
        world.land("tickets", DAY)


def test_a_folder_that_may_not_be_listed_is_no_empty_one() -> None:
    asked = (
        "import os, sys; from datetime import date\n"
        "from jobs.source_settings import Source; from jobs.sources import find\n"
        # To root every folder is open.
        "os.getuid() or os.setuid(65534)\n"
        "find(Source(path='tickets/ds={ds}/*'), sys.argv[1], [date(2026, 1, 5)])"
    )
    with tempfile.TemporaryDirectory() as landing:
        folder = Path(landing, f"tickets/ds={DAY}")
        folder.mkdir(parents=True)
        (folder / "tickets.csv").write_text(TICKETS)
        Path(landing).chmod(0o755)
        folder.chmod(0)
        said = subprocess.run([sys.executable, "-c", asked, landing], capture_output=True, text=True, cwd=REPO)
        folder.chmod(0o755)
    assert f"{folder} cannot be read" in said.stderr


def test_a_colon_in_a_name_is_told_as_such(world: World) -> None:
    world.drop("tickets", DAY, TICKETS, name="tickets_10:00.csv")
    with pytest.raises(DataError, match="without a colon") as raised:
        world.land("tickets", DAY)
    assert "under another name" in raised.value.todo


def test_a_first_line_without_end_fails_its_feed_alone(world: World) -> None:
    world.drop("tickets", DAY, b"a" * (64 << 20), name="tickets.csv.gz")
    with pytest.raises(DataError, match="its first line is longer than"):
        world.land("tickets", DAY)
