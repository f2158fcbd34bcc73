"""Color hints: their files, their pixels, and how they propagate."""
