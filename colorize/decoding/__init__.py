"""What a user may ask of the colors: hints, references, styles, samples, confidence."""
