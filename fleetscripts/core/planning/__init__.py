"""Decides what to do about agents, and when."""
