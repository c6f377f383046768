"""Links to other machines: one process each, calls over it, how a machine is added, and the host's end."""
