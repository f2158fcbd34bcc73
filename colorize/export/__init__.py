"""Exporting networks for other software."""
