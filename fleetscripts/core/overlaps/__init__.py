"""Which branches of a fleet change the same files, and where they conflict."""
