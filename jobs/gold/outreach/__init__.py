"""Outreach: whom to reach, and what it changed."""
