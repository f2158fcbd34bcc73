"""The sub-commands of `python -m colorize.evaluation`, one module each."""
