"""Texts and records checked, compared and mended."""
