"""Puts agents to work: worktree, branch, window, client, briefing, record."""
