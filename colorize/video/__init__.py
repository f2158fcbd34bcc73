"""Films and sequences of frames."""
