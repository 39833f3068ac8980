"""A delivery by mail: the totals of the day in words, with the files only where conf says so."""

import json
import mimetypes
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jobs import mail
from jobs.delivery.errors import DestinationError
from jobs.delivery.files import MANIFEST, digest
from jobs.delivery_settings import Smtp


def send(folder: Path, server: Smtp) -> list[str]:
    """Mails the day's delivery; returns a warning where the server refused some recipients and took others.

    A mail that the server had taken when the run was killed goes out again under the same Message-ID.

    Raises:
        DestinationError: the server does not answer in time, lets nobody in or takes no mail.
    """
    message = _message(folder, json.loads((folder / MANIFEST).read_bytes()), server)
    try:
        refused = mail.send(message, server)
    except mail.MailError as error:
        raise DestinationError(f"{error}; to do: mend the server or delivery.smtp; the next run sends again") from None
    return [f"the server refused {', '.join(refused)}"] if refused else []


def text(manifest: dict[str, Any]) -> str:
    """The totals of the day in words."""
    totals = manifest["totals"].items()
    listed = sum(total["listed"] for _, total in totals)
    lines = [f"Lists for {manifest['list_on']}: {listed:,} contacts of {len(totals)} campaigns.", ""]
    for campaign, total in totals:
        lines.append(f"{campaign}: {total['listed']:,} listed of {total['candidates']:,} candidates")
        lines.append(f"  held out to measure the effect: {total['holdout']:,}")
        why = ", ".join(f"{reason} {n:,}" for reason, n in total["suppressed_by"].items())
        lines.append(f"  suppressed: {total['suppressed']:,}" + (f" ({why})" if why else ""))
    return "\n".join(lines) + "\n"


def _message(folder: Path, manifest: dict[str, Any], server: Smtp) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"Echolake: lists for {manifest['list_on']}"
    message["Date"] = format_datetime(datetime.now(UTC))
    told = digest((folder / MANIFEST).read_bytes())
    message["Message-ID"] = f"<lists-{manifest['list_on']}-{told[:16]}@{server.sender.rpartition('@')[2]}>"
    where = "The files are attached." if server.attachments else f"The files are in {folder}."
    message.set_content(f"{text(manifest)}\n{where}\n")
    for name in [*manifest["files"], MANIFEST] if server.attachments else []:
        kind, _, sub = (mimetypes.guess_type(name)[0] or "application/octet-stream").partition("/")
        message.add_attachment((folder / name).read_bytes(), maintype=kind, subtype=sub, filename=name)
    return message
