"""The configuration of alerts: who hears that a night failed or is late."""

from pydantic import BaseModel, ConfigDict, Field

from jobs.mail_settings import MailServer


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Webhook(_Model):
    """An address that takes JSON. Whoever knows it can write there, so it stands in the environment, named here."""

    url_env: str
    timeout_seconds: float = Field(10, gt=0)


class Alerts(_Model):
    """Where alerts go beside the log (docs/operations.md)."""

    mail: MailServer | None = None
    webhook: Webhook | None = None
