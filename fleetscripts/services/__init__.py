"""The fleet's operations: each service connects pure decisions (core) with the outside world (adapters)."""
