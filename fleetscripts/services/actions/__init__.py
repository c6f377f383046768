"""Performs the loop's actions: one function each."""
