"""What agents use, noted as it is seen, and whether a cap allows more."""
