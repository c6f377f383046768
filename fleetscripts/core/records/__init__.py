"""Checks, compares and repairs texts and records."""
