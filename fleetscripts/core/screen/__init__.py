"""Parses a screen: lines, regions, matching rules."""
