"""One tmux server: listings, screens, events, windows, keys."""
