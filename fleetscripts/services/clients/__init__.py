"""Client processes: which one runs in a pane, how one is started, when it is ready."""
