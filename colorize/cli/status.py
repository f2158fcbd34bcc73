"""What the command's exit status says."""

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
