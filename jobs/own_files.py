"""Which files a row belongs in by its own date, where rows say their date themselves."""

import os
import re

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.sources import MONTHS

_SIGNS = re.compile(r"(\{\w+\}|\*\*/?|[*?]|\[[^\]]+\])")
_FORMATS = {"{ds}": "yyyy-MM-dd", "{yyyy}": "yyyy", "{yy}": "yy", "{mm}": "MM", "{dd}": "dd"}
_ROOT = "^([A-Za-z0-9+]+:)?/*"
_WILD = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def names(path: str | None, day: Column, file: Column) -> Column:
    """Whether a feed's path, as it reads for a date, names a file: only then the night of that date reads it."""
    if path is None or not re.search(r"\{\w+\}", path):
        return F.lit(True)
    # As files are looked for and named (jobs/sources.py); a folder that is named stands for the files in it.
    pattern = path.split("://")[1] if "://" in path else os.path.normpath(path)
    parts = [_expression(part, day) for part in _SIGNS.split(pattern.lstrip("/")) if part]
    return F.rlike(file, F.concat(F.lit(_ROOT), *parts, F.lit("(/[^/]+)?$")))


def _expression(part: str, day: Column) -> Column:
    if part == "{month_name}":
        return F.element_at(F.array(*map(F.lit, MONTHS)), F.month(day))
    if part in _FORMATS:
        return F.date_format(day, _FORMATS[part])
    if part.startswith("["):
        return F.lit(part.replace("[!", "[^", 1).replace("\\", "\\\\"))
    return F.lit(_WILD.get(part) or re.escape(part))
