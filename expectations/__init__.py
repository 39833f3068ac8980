"""What must be true of a table before anyone reads it."""
