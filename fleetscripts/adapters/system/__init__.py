"""Processes, terminals, clocks and file changes."""
