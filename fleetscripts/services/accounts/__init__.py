"""Accounts, their remaining budgets, and the choice of one for a client."""
