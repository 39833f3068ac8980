"""Tells people of an alert, by mail and by a webhook, where conf says so."""

import html
import json
import os
import urllib.request
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from urllib.error import URLError
from urllib.parse import urlsplit

from jobs import mail
from jobs.alerting_settings import Webhook
from jobs.mail_settings import LOOPBACK, MailServer
from jobs.settings import read_settings


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is sent on elsewhere goes there without its body, and would count as taken."""

    def redirect_request(self, *_: object) -> None:
        """None: the answer is an HTTPError."""


_OPENER = urllib.request.build_opener(_NoRedirects)


class AlertError(Exception):
    """Why an alert did not arrive, in one line without the address, which is a secret."""


def send(title: str, lines: Sequence[str]) -> list[str]:
    """Tells everybody of conf; returns a line for each way on which it did not arrive, and raises nothing of these."""
    alerts = read_settings().configuration.alerts
    ways: list[Callable[[], object]] = []
    if alerts.mail is not None:
        server = alerts.mail
        ways.append(lambda: _mail(title, lines, server))
    if alerts.webhook is not None:
        webhook = alerts.webhook
        ways.append(lambda: _post(title, lines, webhook))
    failed = []
    for way in ways:
        try:
            way()
        except (AlertError, mail.MailError) as error:
            failed.append(str(error))
        except Exception as error:
            # Nobody foresaw it, so it may quote a secret; and one way must not keep the other from being gone.
            failed.append(f"expected a mail server or webhook that takes the alert, found {type(error).__name__}")
    return failed


def _mail(title: str, lines: Sequence[str], server: MailServer) -> None:
    message = EmailMessage()
    message["Subject"] = f"Echolake: {title}"
    # So that no program answers it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join([title, *lines]) + "\n")
    refused = mail.send(message, server)
    if refused:
        raise AlertError(f"the mail server refused {', '.join(refused)}")


def _post(title: str, lines: Sequence[str], webhook: Webhook) -> None:
    url = os.environ.get(webhook.url_env, "")
    parts = urlsplit(url)
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise AlertError(f"expected an https address in the environment variable {webhook.url_env}, found none")
    # `text` is what chat programs show of a webhook: in it `<` begins a link or calls everybody of a channel.
    text = html.escape("\n".join([f"*{title}*", *lines]), quote=False)
    body = {"text": text, "title": title, "lines": list(lines)}
    request = urllib.request.Request(  # the scheme was looked at
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with _OPENER.open(request, timeout=webhook.timeout_seconds):
            return
    except (URLError, OSError, ValueError) as error:
        # An HTTPError tells its code; none of them the address.
        said = f"HTTP {error.code}" if hasattr(error, "code") else str(getattr(error, "reason", error))
        raise AlertError(f"expected a webhook that takes the alert, found {said}") from None
