"""Where the roots lie, however they are named."""

from pathlib import Path

import pytest

from jobs.settings import read_settings
from jobs.source_settings import Source


@pytest.mark.parametrize("form", ["{path}", "file:{path}", "file://{path}", "file://{path}/"])
def test_the_uri_of_a_file_is_the_path_that_it_names(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for root in ("LAKE", "LANDING", "DELIVERY"):
        monkeypatch.setenv(f"ECHOLAKE_{root}", form.format(path=tmp_path / root))
    settings = read_settings()
    assert [settings.lake, settings.landing, settings.delivery] == [
        str(tmp_path / root) for root in ("LAKE", "LANDING", "DELIVERY")
    ]


def test_the_path_of_a_feed_may_be_such_a_uri() -> None:
    assert Source(path="file:///drop/{ds}.csv").path == "/drop/{ds}.csv"
