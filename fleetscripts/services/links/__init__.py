"""Links to other machines: a process for each, calls over it, how a machine is added, and its own end."""
