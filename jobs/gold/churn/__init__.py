"""Churn: who is fading away and why, and whose use of the card changed."""
