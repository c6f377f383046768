"""Observes panes: asks every source and combines the answers."""
