"""Time stamps of a video that begin at 0 and go on where those of the file jump."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.format import Flags

# As FFmpeg's -dts_delta_threshold; streams and the parts of a disc that are joined jump.
MAX_LEAP = Fraction(10)  # seconds between packets above which time has jumped ahead
MAX_STEP_BACK = Fraction(1, 10)  # seconds by which packets may be out of order


@dataclass(frozen=True)
class Excerpt:
    """The part of a video that is colorized.

    Attributes:
        start: seconds from the beginning of the video.
        duration: in seconds; None for all that follows.
    """

    start: Fraction = Fraction(0)
    duration: Fraction | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.start and self.duration is None

    def is_before(self, seconds: Fraction) -> bool:
        """Return whether the excerpt begins after a time of its timeline."""
        return bool(self.start) and seconds < 0

    def is_after(self, seconds: Fraction) -> bool:
        """Return whether the excerpt ends at a time of its timeline, or before."""
        return self.duration is not None and seconds >= self.duration


WHOLE = Excerpt()


class Timeline:
    """Shifts the time stamps of packets, for all streams of a file alike.

    An excerpt begins at 0, with earlier packets below 0.

    Attributes:
        origin: seconds of the file's time stamps that become 0.
        jumps: number of places where time jumped and was made to go on.
    """

    def __init__(self, container: av.container.InputContainer, start: Fraction = Fraction(0)):
        """Begin at the first time stamp of the file; at 0 if that is negative.

        start: seconds after that which are left out.
        """
        self.origin = max(Fraction(container.start_time or 0, av.time_base), Fraction(0))
        self.jumps = 0
        self._may_jump = bool(container.format.flags & Flags.ts_discont.value)
        self._offset = self.origin + start  # seconds
        # of the last packet by index of the stream: shifted time and duration, in seconds
        self._last: dict[int, tuple[Fraction, Fraction]] = {}

    def shift(self, packet: av.Packet) -> None:
        """Change the time stamps of the next packet of the file."""
        time = packet.pts if packet.dts is None else packet.dts
        base = packet.time_base
        if time is None or base is None:
            return
        if self._may_jump:
            self._follow(packet.stream.index, time * base, (packet.duration or 0) * base)
        shift = round(self._offset / base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift

    def _follow(self, index: int, time: Fraction, duration: Fraction) -> None:
        """Change the offset where a stream jumps; times are in seconds of the file."""
        last, step = self._last.get(index, (time - self._offset, Fraction(0)))
        ahead = time - self._offset - (last + step)
        if -MAX_STEP_BACK <= ahead <= MAX_LEAP:
            step = duration or max(time - self._offset - last, Fraction(0))
        else:
            self._offset += ahead
            self.jumps += 1
        self._last[index] = time - self._offset, step
