"""Photographs in files: reading, writing, and all they say beside their pixels."""
