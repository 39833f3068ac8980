"""What a round may end with, beside promises that are kept or broken."""


class NotHereError(Exception):
    """This machine cannot bring the fault about; the text says why."""
