"""In which order finished branches are merged on trial, and which of them is sent back."""
