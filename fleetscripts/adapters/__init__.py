"""One external system each: tmux, git, files, processes, channels. No decisions."""
