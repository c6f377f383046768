"""Other machines as known here: their registry, and their agents."""
