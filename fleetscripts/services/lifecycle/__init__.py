"""Windows, records and worktrees closed, reopened, mended, stopped."""
