"""Faults in whole nights, and what must hold after them."""
