"""Color arithmetic on arrays: Lab, ab bins, resampling, contrast, merging of L and ab."""
