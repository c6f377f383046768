"""One run loop per state file."""
