"""Results to look at: before and after in one picture, or in a page."""
