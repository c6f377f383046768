"""Whether work is done."""
