"""Results to look at: comparisons, a gallery page, confidence maps."""
