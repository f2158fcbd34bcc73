"""The one exception that callers of the library need to catch."""


class ColorizeError(Exception):
    """Bad input or a failed step; the message names the file, the reason and the remedy."""
