"""Repeat callers: of which kind they are, what makes them call again, and what they should get instead."""
