"""Photographs in files: reading and writing their pixels and metadata."""
