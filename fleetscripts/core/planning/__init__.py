"""From what is known of agents to what is to be done, and when."""
