"""Finished branches tried together in a spare worktree, before anybody merges them."""
