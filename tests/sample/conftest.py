"""One month of the sample world for all of its tests."""

import pytest

import sample
from tests.sample.drops import FIRST, LAST, Drops


@pytest.fixture(scope="package")
def january(tmp_path_factory):
    root = tmp_path_factory.mktemp("january")
    return Drops(root, sample.write(root, FIRST, LAST))
