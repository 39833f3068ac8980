"""The speed figures of the README, measured on this machine."""
