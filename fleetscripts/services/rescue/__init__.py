"""What becomes of agents at a usage limit or another dead end."""
