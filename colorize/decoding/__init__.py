"""What a user may ask of the colours: hints, references, styles, samples, confidence."""
