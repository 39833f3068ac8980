"""Truths of gold about customers."""
