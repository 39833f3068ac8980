"""The configuration of alerts: who hears that a night failed or is late."""

from pydantic import Field

from jobs.mail_settings import MailServer
from jobs.sections import Section


class Webhook(Section):
    """An address that takes JSON. Whoever knows it can write there, so it stands in the environment, named here."""

    url_env: str
    timeout_seconds: float = Field(10, gt=0)


class Alerts(Section):
    """Where alerts go beside the log (docs/operations.md)."""

    mail: MailServer | None = None
    webhook: Webhook | None = None
