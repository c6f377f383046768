"""Looking at panes: every source asked, the answers combined."""
