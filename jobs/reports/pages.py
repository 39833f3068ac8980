"""Writes a report's page where people find it."""

import importlib
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
from upath import UPath

from jobs.errors import DataError
from jobs.settings import Settings
from jobs.table_logs import TableLogs
from jobs.tables.reports import REPORTS, Report
from jobs.whole_files import put

TEMPLATES = Path(__file__).parent


def write(name: str, day: date, settings: Settings) -> str | None:
    """Writes the page of a report for a date; returns where, None while the lake tells nothing of the date.

    Raises:
        DataError: there is no such report.
    """
    report = _declared(name)
    content = importlib.import_module(f"jobs.reports.{report.short_name}").content(
        TableLogs(settings.lake), day, settings
    )
    if content is None:
        return None
    file = UPath(settings.delivery, "reports", str(day), f"{report.short_name}.html")
    file.parent.mkdir(parents=True, exist_ok=True)
    put(file, rendered(f"{report.short_name}.html", day=day, about=report.about, **content).encode())
    return str(file)


def _declared(name: str) -> Report:
    if name not in REPORTS:
        raise DataError(
            f"report {name}",
            expected=f"one of {', '.join(REPORTS)}",
            found="no such report",
            todo="name one of those",
        )
    return REPORTS[name]


def rendered(template: str, **content: Any) -> str:
    """A template of this folder with what it shows; all that it needs is in it."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.undefined = jinja2.StrictUndefined
    return pages.get_template(template).render(**content)
