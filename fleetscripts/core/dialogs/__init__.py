"""Reads a dialog's rows, and decides who may answer it and how."""
