"""Reads pull requests from GitHub."""
