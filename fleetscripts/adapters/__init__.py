"""One outside thing each: tmux, git, files, processes, channels. No decisions."""
