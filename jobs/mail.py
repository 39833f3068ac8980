"""Hands a mail to a server."""

import contextlib
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from jobs.mail_settings import MailServer


class MailError(Exception):
    """Says in one line what was expected and what was found; trying again may help."""


def send(message: EmailMessage, server: MailServer) -> list[str]:
    """Sends the mail to the recipients of conf; returns those that the server refused while it took others.

    Raises:
        MailError: the server does not answer in time, lets nobody in or takes no mail.
    """
    message["From"], message["To"] = server.sender, ", ".join(server.recipients)
    # Receivers take a mail without these for spam, and not every server adds them.
    if "Date" not in message:
        message["Date"] = formatdate()
    if "Message-ID" not in message:
        message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2])
    try:
        # Without a QUIT: who hangs after taking the mail has taken it.
        with contextlib.closing(_session(server)) as session:
            if server.user and server.password_env:
                session.login(server.user, _secret(server, server.password_env))
            return sorted(session.send_message(message))
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        raise _failed(server, _said(error, server)) from None


def _session(server: MailServer) -> smtplib.SMTP:
    context = None if server.tls == "none" else ssl.create_default_context(cafile=server.ca_file)
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
    session = smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
    if context is not None:
        try:
            session.starttls(context=context)
        except BaseException:
            session.close()
            raise
    return session


def _secret(server: MailServer, name: str) -> str:
    if not os.environ.get(name):
        raise _failed(server, f"no {name} in the environment")
    return os.environ[name]


def _said(error: Exception, server: MailServer) -> str:
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f"no answer within {server.timeout_seconds:g} s"
    if isinstance(error, UnicodeError):
        # Its own words quote the password.
        return "a host, user or password with signs beyond ASCII"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "a connection that ended half-way"
    return str(error).replace("\n", " ") or type(error).__name__


def _failed(server: MailServer, found: str) -> MailError:
    return MailError(f"expected an SMTP server at {server.host}:{server.port} that takes the mail, found {found}")
