"""Features: what is known of each customer as of a date."""
