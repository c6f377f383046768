"""Git worktrees: spares, branches, set-up and restoring."""
