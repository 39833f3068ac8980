"""Truths of gold about repeat callers."""
