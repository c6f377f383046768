"""Git worktrees: spares, branches, and putting them back."""
