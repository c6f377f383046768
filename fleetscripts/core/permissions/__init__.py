"""Which commands and paths are safe to allow."""
