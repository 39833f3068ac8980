"""What a source calls a topic is a text in a figure: no formula, no markup."""

from xml.etree import ElementTree

import pytest

from jobs.reports import figures

HOSTILE = [
    "$\\frac{$",
    "$5 or $6",
    "<script>alert(1)</script>",
    "]]>&amp;<!--",
    "a\x00b\x1b[2Jc",
    "\u202etxt",
    "x" * 5_000,
]


@pytest.mark.parametrize("topic", HOSTILE)
def test_a_topic_is_a_text_of_the_figure(topic: str) -> None:
    drawn = [
        figures.bars([topic], [1.0], "By topic"),
        figures.heat_map([topic], ["00", "01"], [[1.0, 2.0]], "By hour"),
        figures.waterfall((topic, 2.0), [(topic, 1.0)], topic, "Steps"),
    ]
    for svg in drawn:
        elements = [each.tag.rpartition("}")[2] for each in ElementTree.fromstring(svg).iter()]
        assert "script" not in elements
        assert "text" in elements
