"""Delivery: the lists of a day as files for people and dialers, and where these files go."""
