"""The first server of a checkout writes down its classes as it ends, and later ones load them from there."""

import dataclasses
import os
from pathlib import Path

import pytest

from jobs import class_archive, session
from jobs.settings import Settings, read_settings
from tests.conftest import World


def test_another_java_or_other_jars_have_an_archive_of_their_own(tmp_path: Path) -> None:
    jars = [tmp_path / "one.jar", tmp_path / "two.jar"]
    for jar in jars:
        jar.write_bytes(b"x")
    folder = tmp_path / "classes"
    before = class_archive.place(folder, "/java", jars)
    assert class_archive.place(folder, "/java", jars) == before
    others = {class_archive.place(folder, "/other", jars), class_archive.place(folder, "/java", jars[:1])}
    jars[0].write_bytes(b"xx")
    assert len({before, *others, class_archive.place(folder, "/java", jars)}) == 4


def test_an_archive_takes_its_place_whole(tmp_path: Path) -> None:
    archive = tmp_path / "classes/now.jsa"
    new, of_a_killed_server = class_archive.aside(archive), class_archive.aside(archive)
    class_archive.keep(new)
    assert not archive.exists()
    of_a_killed_server.touch()
    new.write_text("classes")
    class_archive.keep(new)
    assert list(archive.parent.iterdir()) == [archive]
    assert archive.read_text() == "classes"


def test_the_latest_archives_stay(tmp_path: Path) -> None:
    for number in range(3):
        new = class_archive.aside(tmp_path / f"{number}.jsa")
        new.touch()
        os.utime(new, (number, number))
        class_archive.keep(new)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1.jsa", "2.jsa"]


@pytest.mark.spark
def test_the_first_server_writes_what_the_next_one_loads(world: World, tmp_path: Path) -> None:
    own = tmp_path / "checkout"
    own.mkdir()
    (own / "jars").symlink_to(read_settings().local / "jars")
    settings = dataclasses.replace(read_settings(), local=own)
    try:
        assert "-XX:ArchiveClassesAtExit=" in _options_of_a_server(settings)
        session.stop_server(settings)
        (archive,) = (own / "classes").iterdir()
        assert f"-XX:SharedArchiveFile={archive}" in _options_of_a_server(settings)
        maps = Path(f"/proc/{session.server_process(settings)}/maps").read_text()
        assert str(archive) in maps, session.log_file(settings).read_text()
    finally:
        session.stop_server(settings)
    assert list((own / "classes").iterdir()) == [archive]


def _options_of_a_server(settings: Settings) -> str:
    session.ensure_server(settings)
    return Path(f"/proc/{session.server_process(settings)}/cmdline").read_bytes().replace(b"\0", b" ").decode()
