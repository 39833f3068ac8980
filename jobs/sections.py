"""What every part of a configuration file is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a configuration: fixed once it is read, and a key that nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
