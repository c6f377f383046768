"""Processes, terminals, clocks and files' changes."""
