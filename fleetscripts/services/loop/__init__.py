"""The poll cycle, and the loop that performs its proposals."""
