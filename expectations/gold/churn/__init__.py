"""Truths of gold about churn."""
