"""Facts in words, tables and pictures."""
