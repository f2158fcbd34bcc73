"""Many files: find them, name their outputs, colorize each, and say how each one went.

One file's failure never stops the others. docs/batches.md says what happens when.
"""

from colorize.batch.collisions import refuse
from colorize.batch.jobs import Film, Job, Options, Result, Source, Special
from colorize.batch.report import Report, failure_report, gallery
from colorize.batch.runner import WORKERS, preview, run, tidy
from colorize.batch.sources import find
from colorize.batch.targets import MARK, plan, plan_maps
from colorize.batch.work import Work, failure_line

__all__ = [
    "MARK", "WORKERS", "Film", "Job", "Options", "Report", "Result", "Source", "Special", "Work",
    "failure_line", "failure_report", "find", "gallery", "plan", "plan_maps", "preview", "refuse",
    "run", "tidy",
]  # fmt: skip
