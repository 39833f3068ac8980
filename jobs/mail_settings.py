"""The configuration of a server that takes mail."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from jobs.sections import Section

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MailAddress = Annotated[str, Field(pattern=r"^[^\s,;<>\x00-\x1f\x7f]+@[^\s,;<>@\x00-\x1f\x7f]+$")]
"""One address, without what would begin another one or another line of the mail's head."""


class MailServer(Section):
    """Where mail goes, and to whom. Secrets stay in the environment, named by `password_env`."""

    host: str
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password_env: str | None = None
    sender: MailAddress
    recipients: list[MailAddress] = Field(min_length=1)
    timeout_seconds: float = Field(20, gt=0)

    @property
    def is_in_clear(self) -> bool:
        """Whether what is sent can be read on the way."""
        return self.tls == "none" and self.host not in LOOPBACK

    @model_validator(mode="after")
    def _keeps_secrets(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("a mail server needs both user and password_env, or neither")
        if self.is_in_clear and self.user:
            raise ValueError("a password must not leave this machine without tls")
        return self
