"""Customers: who they are, and what happened to them."""
