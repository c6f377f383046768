"""Other machines: their names, what travels between them and us, and what of it counts."""
