"""What the loop does to an agent: one function for each action."""
