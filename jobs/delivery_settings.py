"""The configuration of the delivery: what the files hold, and where they go beside the folder."""

from typing import Self

from pydantic import Field, model_validator

from jobs.mail_settings import MailServer
from jobs.sections import Section


class Sftp(Section):
    """A server that takes the folder of a day. Secrets stay in the environment, named by `*_env`."""

    host: str
    port: int = Field(22, ge=1, le=65535)
    user: str
    key_file: str | None = None
    key_password_env: str | None = None
    password_env: str | None = None
    known_hosts: str = "~/.ssh/known_hosts"
    folder: str = "."
    timeout_seconds: float = Field(20, gt=0)

    @model_validator(mode="after")
    def _has_a_way_in(self) -> Self:
        if not (self.key_file or self.password_env):
            raise ValueError("sftp needs key_file or password_env")
        return self


class Smtp(MailServer):
    """A server that mails the totals of a day; the lists themselves only where `attachments` says so."""

    attachments: bool = False

    @model_validator(mode="after")
    def _keeps_numbers(self) -> Self:
        if self.is_in_clear and self.attachments:
            raise ValueError("telephone numbers must not leave this machine without tls")
        return self


class Delivery(Section):
    """What is delivered, and where to (docs/operations.md)."""

    csv_bom: bool = True
    names: bool = False
    stop_days: int = Field(7, ge=1)
    inbox_settle_seconds: float = Field(60, ge=0)
    sftp: Sftp | None = None
    smtp: Smtp | None = None
