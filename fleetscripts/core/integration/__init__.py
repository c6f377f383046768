"""Orders finished branches for trial merges, and finds the one to send back."""
