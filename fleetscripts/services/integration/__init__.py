"""Trial merges of finished branches in a spare worktree, before anybody merges them."""
