"""Everything that types into a pane: texts, keys, dialogs, and the proof that they arrived."""
