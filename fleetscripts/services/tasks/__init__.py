"""Task files, and the spare worktrees for them."""
