"""The test queue, its prompt and its results."""
