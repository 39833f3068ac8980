"""Gold about customers: who they are, what happened to them."""
