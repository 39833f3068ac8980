"""A destination that could not take a delivery; the folder has it all the same."""


class DestinationError(Exception):
    """Says in one line what was expected, what was found and what to do; trying again may help."""
