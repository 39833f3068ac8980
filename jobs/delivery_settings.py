"""The configuration of the delivery: what the files hold, and where they go beside the folder."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sftp(_Model):
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


class Smtp(_Model):
    """A server that mails the totals of a day; the lists themselves only where `attachments` says so."""

    host: str
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password_env: str | None = None
    sender: str
    recipients: list[str] = Field(min_length=1)
    attachments: bool = False
    timeout_seconds: float = Field(20, gt=0)

    @model_validator(mode="after")
    def _keeps_secrets(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("smtp needs both user and password_env, or neither")
        if self.tls == "none" and self.host not in LOOPBACK and (self.attachments or self.user):
            raise ValueError("a password or telephone numbers must not leave this machine without tls")
        return self


class Delivery(_Model):
    """What is delivered, and where to (docs/operations.md)."""

    csv_bom: bool = True
    names: bool = False
    stop_days: int = Field(7, ge=1)
    inbox_settle_seconds: float = Field(60, ge=0)
    sftp: Sftp | None = None
    smtp: Smtp | None = None
