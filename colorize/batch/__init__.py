"""Many files: find them, name their outputs, colorize each, and say how each one went.

One file's failure never stops the others. docs/batches.md says what happens when.
"""

from colorize.batch.conflicts import refuse
from colorize.batch.discovery import find
from colorize.batch.jobs import Film, Job, Options, Result, Source, Special
from colorize.batch.naming import MARK, plan, plan_maps
from colorize.batch.report import Report, failure_report, gallery
from colorize.batch.runner import WORKERS, preview, run, tidy
from colorize.batch.worker import Work, failure_line

__all__ = [
    "MARK", "WORKERS", "Film", "Job", "Options", "Report", "Result", "Source", "Special", "Work",
    "failure_line", "failure_report", "find", "gallery", "plan", "plan_maps", "preview", "refuse",
    "run", "tidy",
]  # fmt: skip
