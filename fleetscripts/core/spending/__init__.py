"""What agents have used of their models, and the ceilings on it."""
