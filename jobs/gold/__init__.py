"""Gold: one table per business question."""
