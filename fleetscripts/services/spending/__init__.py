"""Agents' usage, recorded as it is observed, and the caps on it."""
