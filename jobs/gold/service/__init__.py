"""Service: how well callers are served."""
