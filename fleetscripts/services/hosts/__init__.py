"""Other machines: which there are, the link to each, what is known of their agents, and calls on them."""
