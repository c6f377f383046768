"""Decides whether work is done."""
