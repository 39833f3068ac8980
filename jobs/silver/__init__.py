"""Silver: one clean row per thing."""
