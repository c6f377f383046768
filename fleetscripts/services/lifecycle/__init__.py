"""Closes, reopens, repairs and stops windows, records and worktrees."""
