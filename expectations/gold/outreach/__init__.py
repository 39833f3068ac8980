"""Truths of gold about outreach."""
