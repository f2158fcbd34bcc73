"""`--json`: what happens to each file, as JSON Lines on standard output."""

from __future__ import annotations

import json
import sys

from colorize.batch import Report, Result
from colorize.cli.messages import print_line
from colorize.io.storage import absolute_name


class Events:
    """Writes events, or nothing where they are not wanted."""

    def __init__(self, wanted: bool):
        """Begin; `wanted` is whether to write any."""
        self._wanted = wanted

    def start(self, jobs: int | None) -> None:
        """Write how many outputs there will be, None where nobody knows."""
        self._write("start", outputs=jobs)

    def result(self, result: Result, planned: bool = False) -> None:
        """Write how a job ended, or with `planned` that it would run."""
        job = result.job
        names = {"input": absolute_name(job.source), "output": absolute_name(job.target)}
        if result.error is not None:
            self._write("failed", **names, error=result.error, cause=result.cause)
        elif result.skipped is not None:
            self._write("skipped", **names, reason=result.skipped, cause=result.cause)
        elif planned:
            self._write("planned", **names)
        else:
            width, height = result.size or (None, None)
            self._write(
                "done", **names, seconds=round(result.seconds, 3), width=width, height=height,
                in_color=result.in_color, notes=list(result.notes),
            )  # fmt: skip

    def end(self, report: Report, left: int, error: str | None = None) -> None:
        """Write the counts, and what ended the batch early."""
        counts = {"done": report.done, "skipped": report.skipped, "failed": report.failed}
        self._write("end", **counts, left=left, seconds=round(report.seconds, 3), error=error)

    def _write(self, event: str, **values: object) -> None:
        if self._wanted:
            print_line(json.dumps({"event": event, **values}))  # ASCII, which holds any name
            sys.stdout.flush()  # programs wait for it
