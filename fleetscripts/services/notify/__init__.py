"""Notifications: channels, rules, digests."""
