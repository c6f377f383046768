"""Reports for people and models."""
