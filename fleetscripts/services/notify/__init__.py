"""Messages to people: channels, rules, digests."""
