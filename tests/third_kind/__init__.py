"""A third kind of agent, as somebody would add it: its module, its rules, and the program that it is."""
