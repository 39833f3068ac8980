"""What every part of a configuration file is made of."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a configuration: fixed once it is read, and a key that nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def existing_zone(name: str) -> str:
    """The name, where a time zone has it.

    Raises:
        ValueError: none has.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{name} is no IANA time zone") from error
    return name


TimeZone = Annotated[str, AfterValidator(existing_zone)]
"""The IANA name of a time zone."""
