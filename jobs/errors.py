"""Errors that a person can act on."""

import unicodedata


class ExplainedError(Exception):
    """Says in four lines what failed, what was expected, what was found, and what to do."""

    def __init__(self, headline: str, *, expected: str, found: str, todo: str) -> None:
        """`headline` names table or feed, and date; the other three are one line each."""
        self.headline = one_line(headline)
        self.expected = one_line(expected)
        self.found = one_line(found)
        self.todo = one_line(todo)
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"{self.headline}\n  expected: {self.expected}\n  found:    {self.found}\n  to do:    {self.todo}"

    def __reduce__(self) -> tuple:
        # Airflow hands exceptions from process to process, and the default reduction forgets keyword arguments.
        return _rebuild, (type(self), self.headline, self.expected, self.found, self.todo)


class DataError(ExplainedError):
    """Data or configuration are not as they must be; trying again without a change does not help."""


class SourceUnavailableError(DataError):
    """A source does not answer; waiting helps."""


class LakeBusyError(ExplainedError):
    """Another night works on this lake; waiting helps."""


def one_line(text: str) -> str:
    """The text with every sign escaped that a terminal or a log would obey rather than show.

    Sources name files and columns: a name with a line break must not write lines of its own.
    """
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in _OBEYED else sign for sign in text)


_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control signs, marks of direction and other formats, halves of signs, which cannot even be written, ends of lines and
paragraphs (Unicode's general categories)."""


def _rebuild(kind: type[ExplainedError], headline: str, expected: str, found: str, todo: str) -> ExplainedError:
    return kind(headline, expected=expected, found=found, todo=todo)
