"""The record of an image sequence in work, with which an interrupted run is resumed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from colorize.io.atomic import atomic_write
from colorize.video.temporal import FilterState
from colorize.video.unfinished import PIECE_SUFFIX


class SequenceRecord:
    """How many frames are done, and the state of the temporal filter after them.

    Attributes:
        done: number of frames, from the first, that are written or have failed.
        failures: messages by the numbers of the frames that have failed.
        state: of the temporal filter; None before the first frame.
        resumed: whether there was a record.
    """

    def __init__(self, folder: Path):
        """Read the record of an earlier run in a folder, or begin one."""
        self._path = folder / f"sequence{PIECE_SUFFIX}"
        self.done = 0
        self.failures: dict[int, str] = {}
        self.state: FilterState | None = None
        try:
            with self._path.open("rb") as file, np.load(file) as arrays:
                found = json.loads(str(arrays["record"]))
                state = FilterState.from_arrays(arrays)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            self.resumed = False
            self._save()
            return
        self.resumed = True
        self.done, self.state = found["done"], state
        self.failures = {int(number): text for number, text in found["failures"].items()}

    def add(self, failure: str | None, state: FilterState | None) -> None:
        """Record the next frame.

        Args:
            failure: message to the user; None for a frame that is written.
            state: of the temporal filter after it.
        """
        if failure is not None:
            self.failures[self.done] = failure
        self.done += 1
        self.state = state
        self._save()

    def _save(self) -> None:
        record = json.dumps({"done": self.done, "failures": self.failures})
        arrays = {} if self.state is None else self.state.to_arrays()
        with atomic_write(self._path) as file:
            np.savez(file, allow_pickle=False, record=np.array(record), **arrays)
