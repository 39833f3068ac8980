"""Truths of features."""
