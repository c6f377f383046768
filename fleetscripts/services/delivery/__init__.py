"""Texts and keys that go to a pane, and the proof that they arrived."""
