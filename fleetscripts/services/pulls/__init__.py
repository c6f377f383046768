"""Pull requests read from GitHub."""
