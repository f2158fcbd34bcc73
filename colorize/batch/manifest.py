"""Record the progress of a batch as JSON Lines, so that an interrupted one can be resumed.

Each entry is one event of one output, and the last entry of an output counts: `started` is written
before a photograph is begun and describes any file already at the output's path; `done` or
`failed` follows. docs/batches.md lists the fields. Entries are appended whole, so a killed run
loses at most the one it was writing; the next run truncates what there is of it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import lock_file
from colorize.io.storage import absolute_name, parse_path, sha256, size_and_mtime

STARTED, DONE, FAILED = "started", "done", "failed"
ENTRY_START = re.compile(rb'\{"input": "(?:[^"\\]|\\.)*", "sha256": ')  # of every line


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of one output.

    Attributes:
        input: absolute name of the photograph.
        sha256, size, mtime_ns: of the input; None if it can't be read.
        settings: canonical JSON of the settings.
        output: absolute name of the output.
        output_sha256, output_size, output_mtime_ns: of the file written, in a `done` entry; of
            the file already there (without its hash), in a `started` entry; None for no file.
        status: STARTED, DONE or FAILED.
        error: the message to the user, in a `failed` entry.
        seconds: from reading to writing; None in a `started` entry.
    """

    input: str
    sha256: str | None
    size: int | None
    mtime_ns: int | None
    settings: str
    output: str
    output_sha256: str | None
    output_size: int | None
    output_mtime_ns: int | None
    status: str
    error: str | None
    seconds: float | None


_FIELDS = [field.name for field in dataclasses.fields(Entry)]


class Manifest:
    """The entries of a file, by output, and the settings of this run.

    Safe to use from several threads.
    """

    def __init__(self, path: Path, settings: Mapping[str, object], descriptor: int | None = None):
        """Read the existing entries.

        Args:
            path: the manifest, which may be missing.
            settings: everything but the input that determines an output.
            descriptor: the open file to append to; None for a manifest that is only read.

        Raises:
            ColorizeError: the file is not a manifest.
        """
        self._name = display_name(path)
        self._settings = dict(settings)
        self._unchanged = _canonical(settings)
        self._descriptor = descriptor
        self._write_lock = threading.Lock()
        self._last: dict[str, Entry] = {}  # by output
        self._done: dict[str, Entry] = {}  # the last `done` entry, by output
        complete_bytes = self._read(path)
        if descriptor is not None:
            with error_context(self._name):
                if os.fstat(descriptor).st_size > complete_bytes:
                    os.ftruncate(descriptor, complete_bytes)

    @classmethod
    @contextmanager
    def appending(cls, path: Path, settings: Mapping[str, object]) -> Iterator[Manifest]:
        """Open a manifest for writing, create it if missing, and lock it against other runs."""
        with _locked(path) as descriptor:
            yield cls(path, settings, descriptor)

    def is_current(
        self, source: Path, target: Path, changes: Mapping[str, object] | None = None
    ) -> bool:
        """Return whether the output is what this run would write.

        changes: settings of this output that differ from those of the run.

        It is if the last run that touched it had the same settings and an input of the same
        content, and the output is unchanged. A run that was killed before it could write `done`
        counts if the output is new: an output appears whole or not at all.
        """
        entry = self._last.get(absolute_name(target))
        if entry is None or entry.status == FAILED or entry.settings != self._with(changes):
            return False
        return _output_is_current(entry, target) and _input_is_current(entry, source)

    def is_own_output(self, target: Path) -> bool:
        """Return whether the file is the very one, by its hash, that an earlier run wrote."""
        entry = self._done.get(absolute_name(target))
        return entry is not None and entry.output_sha256 == (sha256(target) or "none")

    def knows(self, target: Path) -> bool:
        """Return whether there is an entry of an output."""
        return absolute_name(target) in self._last

    def adopt(self, source: Path, target: Path, changes: Mapping[str, object]) -> None:
        """Record an output of an earlier run as done, unless the manifest is only read."""
        if self._descriptor is not None:
            self.append(finish_entry(self.start(source, target, changes), None, 0.0))

    def start(
        self,
        source: Path,
        target: Path,
        changes: Mapping[str, object] | None = None,
        *,
        hash_input: bool = True,
    ) -> Entry:
        """Write and return the `started` entry of a photograph.

        Args:
            source: the photograph.
            target: its output.
            changes: settings of this output that differ from those of the run.
            hash_input: False leaves the input's hash out, where another machine will read it.
        """
        size, mtime_ns = size_and_mtime(source)
        output_size, output_mtime_ns = size_and_mtime(target)
        entry = Entry(
            input=absolute_name(source),
            sha256=sha256(source) if hash_input else None,
            size=size,
            mtime_ns=mtime_ns,
            settings=self._with(changes),
            output=absolute_name(target),
            output_sha256=None,
            output_size=output_size,
            output_mtime_ns=output_mtime_ns,
            status=STARTED,
            error=None,
            seconds=None,
        )
        self.append(entry)
        return entry

    def append(self, entry: Entry) -> None:
        """Write an entry, whole or not at all. Raises ColorizeError."""
        assert self._descriptor is not None, "the manifest is read-only"
        with self._write_lock:
            end = os.lseek(self._descriptor, 0, os.SEEK_END)
            with error_context(self._name):
                try:
                    _write_all(self._descriptor, _encode(entry))
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(self._descriptor, end)
                    raise
            self._index(entry)

    def _with(self, changes: Mapping[str, object] | None) -> str:
        return _canonical({**self._settings, **changes}) if changes else self._unchanged

    def _read(self, path: Path) -> int:
        """Index the entries of the file; return the length in bytes of the complete lines."""
        with error_context(self._name):
            _check_regular(path)
            if not path.exists():
                return 0
            complete_bytes = 0
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n"):
                        if number == 1:  # else, the lines before prove what this file is
                            _check_start(line)
                        break
                    self._index(_decode(line, number))
                    complete_bytes += len(line)
            return complete_bytes

    def _index(self, entry: Entry) -> None:
        self._last[entry.output] = entry
        if entry.status == DONE:
            self._done[entry.output] = entry


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file to append to, created if missing; no other run can do so in the meantime.

    Warns where it does not have its name any more at the end.
    """
    name = display_name(path)
    with error_context(name):
        _check_regular(path)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o666)
    try:
        try:
            lock_file(descriptor)
        except BlockingIOError as error:
            raise ColorizeError(
                f"{name}: another run is using this manifest; wait for it to end or choose "
                "another file"
            ) from error
        except OSError:  # a file system without locks
            pass
        try:
            yield descriptor
        finally:  # also after an interruption, by which --watch ends
            if not _is_at(path, descriptor):
                warnings.warn(
                    f"{name} was removed or replaced during the batch: the next run finds no "
                    "record of this one",
                    RuntimeWarning,
                    stacklevel=1,
                )
    finally:
        os.close(descriptor)


def finish_entry(started: Entry, error: str | None, seconds: float) -> Entry:
    """Return the `done` entry, or with an error the `failed` one, that follows a `started` one."""
    target = parse_path(started.output)
    done = error is None
    output_size, output_mtime_ns = size_and_mtime(target) if done else (None, None)
    return dataclasses.replace(
        started,
        output_sha256=sha256(target) if done else None,
        output_size=output_size,
        output_mtime_ns=output_mtime_ns,
        status=DONE if done else FAILED,
        error=error,
        seconds=round(seconds, 3),
    )


def with_input_hash(entry: Entry) -> Entry:
    """Return an entry that was started without its input's hash with it."""
    return dataclasses.replace(entry, sha256=sha256(parse_path(entry.input)))


def _canonical(settings: Mapping[str, object]) -> str:
    # interned: all entries of a run share one string
    return sys.intern(json.dumps(dict(settings), sort_keys=True))


def _encode(entry: Entry) -> bytes:
    """Return an entry as a line of ASCII; name bytes that are not UTF-8 are escaped surrogates."""
    values = {name: getattr(entry, name) for name in _FIELDS}
    values["settings"] = json.loads(entry.settings)
    return json.dumps(values).encode("ascii") + b"\n"


def _decode(line: bytes, number: int) -> Entry:
    try:
        values = json.loads(line)
        if not all(isinstance(values[name], str) for name in ("input", "output", "status")):
            raise TypeError
        values["settings"] = _canonical(values["settings"])
        return Entry(**{name: values[name] for name in _FIELDS})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ColorizeError(
            f"line {number} is not a manifest entry; choose another file or remove that line"
        ) from error


def _check_start(line: bytes) -> None:
    """Raise rather than truncate a file that is not a manifest."""
    if not ENTRY_START.match(line):
        raise ColorizeError("is not a manifest; choose another file, or delete it")


def _check_regular(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise ColorizeError("is not a regular file; choose another one")


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file still has its name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _output_is_current(entry: Entry, target: Path) -> bool:
    """Return whether the output of an entry is there, whole and unchanged."""
    now = size_and_mtime(target)
    if now == (None, None):
        return False
    before = (entry.output_size, entry.output_mtime_ns)
    if entry.status == STARTED:
        return now != before
    return now == before or sha256(target) == entry.output_sha256


def _input_is_current(entry: Entry, source: Path) -> bool:
    """Return whether an input is unchanged, by name, size and time, or else by its hash."""
    if entry.size is None:
        return False
    if (absolute_name(source), *size_and_mtime(source)) == (
        entry.input,
        entry.size,
        entry.mtime_ns,
    ):
        return True
    return entry.sha256 is not None and sha256(source) == entry.sha256
