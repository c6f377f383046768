"""What the fleet does: each service joins pure decisions (core) to the outside world (adapters)."""
