"""The version, where neither importing the package nor installing it is needed to read it."""

__version__ = "0.1.0"
