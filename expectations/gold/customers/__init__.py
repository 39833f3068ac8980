"""Truths of the tables of this layer, one module a table, named as the table."""
