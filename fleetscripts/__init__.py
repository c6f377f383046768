"""fleetscripts: supervise a fleet of coding agents, each in its own tmux window and git worktree."""

__version__ = "0.1.0"
