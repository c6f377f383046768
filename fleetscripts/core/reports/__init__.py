"""Formats facts as words, tables and pictures."""
