"""Color hints: their file format, and how they act."""
