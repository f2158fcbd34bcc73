"""Videos and image sequences."""
