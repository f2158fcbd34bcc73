"""Export networks for other software."""
