"""The queue of test runs and their results."""
