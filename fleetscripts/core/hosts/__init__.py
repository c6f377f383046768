"""Other machines: names, messages, and which of their messages count."""
