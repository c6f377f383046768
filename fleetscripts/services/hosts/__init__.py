"""Other machines as they are known here: which there are, and what is known of their agents."""
