"""Whether work is done: gates, verdicts and their effects."""
