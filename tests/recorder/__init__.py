"""Records labelled screens of the real clients on a scripted model, with no account and no network."""
