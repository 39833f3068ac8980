"""What stops a fit."""


class NotEnoughDataError(ValueError):
    """There is too little to learn from: what was expected, and what was found."""
