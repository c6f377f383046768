"""Agents put to work: worktree, branch, window, client, briefing, record."""
