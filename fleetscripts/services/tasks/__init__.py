"""Tasks in files, paired with spare worktrees."""
