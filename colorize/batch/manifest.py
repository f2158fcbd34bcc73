"""What a batch has done so far, as a file of JSON lines, so that an interrupted one goes on.

A line tells what happened to one output; the last line of an output counts. Before a photograph
is begun, a line `started` says what lies under the output's name; afterward comes `done` or
`failed`. docs/batches.md lists the fields. Whole lines are appended, so a killed run loses at
most the one it was writing, and the next run cuts off what there is of it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from colorize.errors import ColorizeError, display_name
from colorize.io.storage import absolute as _key
from colorize.io.storage import place
from colorize.io.storage import sha256 as _sha256
from colorize.io.storage import stamp as _stamp

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STARTED, DONE, FAILED = "started", "done", "failed"
BEGINNING = b'{"input": '  # of every line


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a photograph was begun, done, or failed.

    size, mtime_ns, sha256: of the input. settings: canonical JSON. output_*: of the file under
    the output's name after `done`, or before `started` (without the hash); None for no file.
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


_FIELDS = [field.name for field in dataclasses.fields(Line)]


class Manifest:
    """The lines of a file, by output, and the settings of this run.

    May be used from several threads at once. Without a descriptor nothing is written.
    """

    def __init__(self, path: Path, settings: Mapping[str, object], descriptor: int | None = None):
        """Read the lines there are. Raises ColorizeError if the file is something else."""
        self._name = display_name(path)
        self._settings = _canonical(settings)
        self._descriptor = descriptor
        self._writing = threading.Lock()
        self._last: dict[str, Line] = {}  # by output
        self._done: dict[str, Line] = {}  # the last that was done
        whole = self._read(path)
        if descriptor is not None:
            with _error_context(self._name):
                _cut(descriptor, whole)

    @classmethod
    @contextmanager
    def appending(cls, path: Path, settings: Mapping[str, object]) -> Iterator[Manifest]:
        """Give a manifest that writes to its file, made if missing, locked against other runs."""
        name = display_name(path)
        with _error_context(name):
            _check_regular(path)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(path, flags, 0o666)
        try:
            _lock(descriptor, name)
            yield cls(path, settings, descriptor)
        finally:
            os.close(descriptor)

    def finished(self, source: Path, target: Path) -> bool:
        """Tell whether the target stands as this run would write it.

        It does if the last run to touch it had the same settings and an input of the same
        content, and its output is unchanged. A run killed before it could write `done` counts
        if something new lies under the output's name: outputs come there whole or not at all.
        """
        line = self._last.get(_key(target))
        if line is None or line.status == FAILED or line.settings != self._settings:
            return False
        return _stands(line, target) and _unchanged(line, source)

    def wrote(self, target: Path) -> bool:
        """Tell whether the file at the target is, by its sha256, the one that a run wrote there."""
        line = self._done.get(_key(target))
        return line is not None and line.output_sha256 == (_sha256(target) or "none")

    def start(self, source: Path, target: Path, hashed: bool = True) -> Line:
        """Write and return the line that says that the photograph is begun.

        hashed: with the sha256 of the input, else null: another machine will read it.
        """
        stamp, before = _stamp(source), _stamp(target)
        line = Line(
            input=_key(source),
            sha256=_sha256(source) if hashed else None,
            size=stamp[0],
            mtime_ns=stamp[1],
            settings=self._settings,
            output=_key(target),
            output_sha256=None,
            output_size=before[0],
            output_mtime_ns=before[1],
            status=STARTED,
            error=None,
            seconds=None,
        )
        self.append(line)
        return line

    def finish(self, started: Line, error: str | None, seconds: float) -> None:
        """Write the line that says how a photograph that was started went."""
        self.append(ended(started, error, seconds))

    def append(self, line: Line) -> None:
        """Write a line, whole or not at all. Raises ColorizeError."""
        assert self._descriptor is not None, "a manifest that is only read"
        with self._writing:
            end = os.lseek(self._descriptor, 0, os.SEEK_END)
            with _error_context(self._name):
                try:
                    _write_all(self._descriptor, _encoded(line))
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(self._descriptor, end)
                    raise
            self._keep(line)

    def _read(self, path: Path) -> int:
        """Take in the lines of the file and return the length of the whole ones in bytes."""
        with _error_context(self._name):
            _check_regular(path)
            if not path.exists():
                return 0
            with path.open("rb") as file:
                return self._read_lines(file)

    def _read_lines(self, file: Iterator[bytes]) -> int:
        whole = 0
        for number, content in enumerate(file, 1):
            if not content.endswith(b"\n"):
                _check_beginning(content)
                break
            self._keep(_decoded(content, number))
            whole += len(content)
        return whole

    def _keep(self, line: Line) -> None:
        self._last[line.output] = line
        if line.status == DONE:
            self._done[line.output] = line


def ended(started: Line, error: str | None, seconds: float) -> Line:
    """Return the line that says how a photograph that was started went."""
    target = place(started.output)
    done = error is None
    stamp = _stamp(target) if done else (None, None)
    return dataclasses.replace(
        started,
        output_sha256=_sha256(target) if done else None,
        output_size=stamp[0],
        output_mtime_ns=stamp[1],
        status=DONE if done else FAILED,
        error=error,
        seconds=round(seconds, 3),
    )


def hashed(line: Line) -> Line:
    """Return a line that was started without it with the sha256 of the input."""
    return dataclasses.replace(line, sha256=_sha256(place(line.input)))


def _canonical(settings: Mapping[str, object]) -> str:
    # interned: all lines of a run share one string
    return sys.intern(json.dumps(dict(settings), sort_keys=True))


def _encoded(line: Line) -> bytes:
    """Return a line in ASCII; bytes of names that are no UTF-8 are lone surrogates, escaped."""
    values = {name: getattr(line, name) for name in _FIELDS}
    values["settings"] = json.loads(line.settings)
    return json.dumps(values).encode("ascii") + b"\n"


def _decoded(content: bytes, number: int) -> Line:
    try:
        values = json.loads(content)
        values["settings"] = _canonical(values["settings"])
        return Line(**{name: values[name] for name in _FIELDS})
    except (ValueError, KeyError, TypeError) as error:
        raise ColorizeError(
            f"line {number} is not one of a manifest; name another file or remove that line"
        ) from error


def _check_beginning(content: bytes) -> None:
    """Refuse to cut off the end of a file that is none of ours."""
    if content[: len(BEGINNING)] != BEGINNING[: len(content)]:
        raise ColorizeError("is no manifest; name another file")


def _check_regular(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise ColorizeError("is no regular file; name another one")


def _cut(descriptor: int, length: int) -> None:
    if os.fstat(descriptor).st_size > length:
        os.ftruncate(descriptor, length)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _lock(descriptor: int, name: str) -> None:
    """Keep other runs from the file until this process closes it or is killed."""
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ColorizeError(
            f"{name}: another run writes to this manifest; wait for it or name another file"
        ) from error
    except OSError:  # a file system without locks
        return


@contextmanager
def _error_context(name: str) -> Iterator[None]:
    """Turn an error into one that names the manifest."""
    try:
        yield
    except ColorizeError as error:
        raise ColorizeError(f"{name}: {error}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizeError(f"{name}: can't use this manifest: {reason}") from error


def _stands(line: Line, target: Path) -> bool:
    """Tell whether the output that a line speaks of is there, whole and untouched."""
    now = _stamp(target)
    if now == (None, None):
        return False
    if line.status == STARTED:
        return now != (line.output_size, line.output_mtime_ns)
    return now == (line.output_size, line.output_mtime_ns) or _sha256(target) == line.output_sha256


def _unchanged(line: Line, source: Path) -> bool:
    """Tell whether an input is as it was: by name, size and time, and if these differ by hash."""
    if line.size is None:
        return False
    now = (_key(source), *_stamp(source))
    if now == (line.input, line.size, line.mtime_ns):
        return True
    return line.sha256 is not None and _sha256(source) == line.sha256
