"""Which branches of a fleet meet in the same files, and where they conflict."""
