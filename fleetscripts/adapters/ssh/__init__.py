"""The user's own ssh: one connection for each host, which all channels share."""
