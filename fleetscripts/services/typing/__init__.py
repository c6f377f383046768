"""Everything that types into a pane: texts, keys, dialogs, and proof of delivery."""
