"""Finished pieces of a video in work, kept on disk so that an interrupted run can be resumed.

A piece is a ZIP file: the encoded packets, an index of them, and the state of the temporal filter
after its last frame. The ZIP directory is written last and has checksums, so that a piece is
whole or not there. docs/video.md describes the folder.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
import numpy.typing as npt

from colorize.color.types import Floats
from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import atomic_write
from colorize.video.temporal import FilterState
from colorize.video.unfinished import PIECE_SUFFIX

PIECE_FRAMES = 250  # ten seconds of most videos, and x264's largest distance between keyframes
COLUMNS = ("pts", "duration", "size", "keyframe")

Index = npt.NDArray[np.int64]  # (packets, columns)


class Piece:
    """A piece being written; `state` is to be set before it is closed."""

    def __init__(self, packets: IO[bytes]):
        """Write packets to an entry of a ZIP file."""
        self.state: FilterState | None = None
        self.rows: list[tuple[int, int, int, int]] = []
        self._packets = packets

    def write(self, packets: Iterable[av.Packet]) -> None:
        """Append packets of the encoder, one for each frame, in decoding order."""
        for packet in packets:
            assert packet.pts is not None
            keyframe = int(packet.is_keyframe)
            self.rows.append((packet.pts, packet.duration or 0, packet.size, keyframe))
            self._packets.write(bytes(packet))


class PieceFolder:
    """The finished pieces of one video.

    Attributes:
        path: the folder.
        frames: number of frames in the pieces.
        state: of the temporal filter after them; None without pieces.
    """

    def __init__(self, path: Path):
        """Look at the pieces of earlier runs; what follows a gap or is damaged is removed."""
        self.path = path
        self.frames = 0
        self.state: FilterState | None = None
        self._pieces: list[tuple[Path, Index]] = []
        found = set(path.glob(f"*{PIECE_SUFFIX}"))
        while (next_path := self._path_of_next()) in found:
            try:
                index, state = _read_index(next_path)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                break
            found.remove(next_path)
            self._add(next_path, index, state)
        for left in found:
            left.unlink()

    @contextmanager
    def new_piece(self) -> Iterator[Piece]:
        """Write the next piece, which appears when all is done."""
        path = self._path_of_next()
        with atomic_write(path) as file:
            with zipfile.ZipFile(file, "w") as archive:
                with archive.open("packets", "w", force_zip64=True) as packets:
                    piece = Piece(packets)
                    yield piece
                index = np.array(piece.rows, np.int64).reshape(-1, len(COLUMNS))
                arrays: dict[str, npt.NDArray[np.int64] | Floats] = {"index": index}
                if piece.state is not None:
                    arrays |= piece.state.to_arrays()
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, np.ascontiguousarray(array))
            file.flush()
            os.fsync(file.fileno())
        self._add(path, index, piece.state)

    def packets(self, time_base: Fraction) -> Iterator[tuple[Fraction, av.Packet]]:
        """Yield the packets of all pieces, as if from one encoder, with their decoding times.

        time_base: of their time stamps, in seconds.
        """
        if not self._pieces:
            return
        dts = iter(decoding_times([index[:, 0] for _, index in self._pieces]).tolist())
        for path, index in self._pieces:
            for packet in _read_packets(path, index):
                packet.time_base, packet.dts = time_base, next(dts)
                yield packet.dts * time_base, packet

    def _path_of_next(self) -> Path:
        return self.path / f"{len(self._pieces) + 1:06}{PIECE_SUFFIX}"

    def _add(self, path: Path, index: Index, state: FilterState | None) -> None:
        self._pieces.append((path, index))
        self.frames += len(index)
        self.state = state


def decoding_times(pieces: Sequence[Index]) -> Index:
    """Return the decoding times of all packets: those of presentation, in order, with a delay.

    The delay, in frames, is the smallest with which no packet is decoded after it is shown.

    pieces: the presentation times of each piece's packets, (n,), in decoding order.
    """
    shown = np.sort(np.concatenate(pieces))
    delay = max(int((np.arange(len(pts)) - pts.argsort().argsort()).max()) for pts in pieces)
    step = int(shown[1] - shown[0]) if len(shown) > 1 else 1
    before = shown[0] - step * np.arange(delay, 0, -1)
    return np.concatenate((before, shown))[: len(shown)]


def _read_index(path: Path) -> tuple[Index, FilterState | None]:
    with (
        path.open("rb") as file,
        np.load(file) as arrays,
    ):  # the archive has one more entry, the packets
        index: Index = arrays["index"]
        return index, FilterState.from_arrays(arrays)


def _read_packets(path: Path, index: Index) -> Iterator[av.Packet]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("packets") as data:
            for pts, duration, size, keyframe in index.tolist():
                packet = av.Packet(data.read(size))
                packet.pts, packet.duration, packet.is_keyframe = pts, duration, bool(keyframe)
                yield packet
    except zipfile.BadZipFile as error:
        raise ColorizeError(f"{display_name(path)} is damaged: delete it and run again") from error
