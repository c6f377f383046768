"""Whether work is done: gates, verdicts, and what follows from them."""
