"""Accounts, what is left of each, and which one a client works on."""
