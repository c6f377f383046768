"""Dialogs read and answered by the text of their rows."""
