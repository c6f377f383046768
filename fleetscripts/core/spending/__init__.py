"""What agents have used of their models, and the caps on it."""
