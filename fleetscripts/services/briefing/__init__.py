"""Every text that an agent is sent."""
