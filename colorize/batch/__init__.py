"""Colorize many files: find them, name their outputs, run the jobs, and report the results.

A file that fails never stops the others. docs/batches.md describes the rules.
"""

from colorize.batch.conflicts import find_conflicts
from colorize.batch.discovery import NothingFound, describe_left_out, find_images
from colorize.batch.hint_files import assign_hints, describe_unused_hints, read_hint_file
from colorize.batch.jobs import (
    Cause,
    HintFile,
    Job,
    RenderFn,
    Result,
    Source,
    VideoColorizerFn,
    WriteOptions,
    failure_line,
)
from colorize.batch.naming import (
    COMPARE_TAG,
    OUTPUT_TAG,
    RESULT_TAGS,
    plan_confidence_maps,
    plan_jobs,
)
from colorize.batch.precheck import why_unwritable
from colorize.batch.report import Report, failure_log, gallery
from colorize.batch.runner import DEFAULT_WORKERS, clean_up, dry_run, run
from colorize.batch.sequences import run_sequences
from colorize.batch.space import estimated_bytes, free_bytes
from colorize.batch.worker import JobWorker, make_folder

__all__ = [
    "COMPARE_TAG", "DEFAULT_WORKERS", "OUTPUT_TAG", "RESULT_TAGS", "Cause", "HintFile", "Job",
    "JobWorker", "NothingFound", "RenderFn", "Report", "Result", "Source", "VideoColorizerFn",
    "WriteOptions", "assign_hints", "clean_up", "describe_left_out", "describe_unused_hints",
    "dry_run", "estimated_bytes", "failure_line", "failure_log", "find_conflicts", "find_images",
    "free_bytes", "gallery", "make_folder", "plan_confidence_maps", "plan_jobs", "read_hint_file",
    "run", "run_sequences", "why_unwritable",
]  # fmt: skip
