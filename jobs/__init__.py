"""Echolake's jobs: how each table of the lake is made."""

__version__ = "0.1.0"
