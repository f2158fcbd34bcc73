"""Colors that follow the picture from frame to frame, instead of flickering.

A network sees each frame alone, and noise alone moves its colors. Here the colors of the frame
before are carried along the motion in the picture and mixed with those of the new frame, except
where the picture can't be followed: there, and after a cut, the new frame's colors stand alone.

ab is mixed rather than the distributions it comes from: as steady, and it keeps the chroma, of
which mixed distributions lose a tenth (docs/video.md has the figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from colorize.io.photo import Photo
from colorize.pipeline import Colorizer

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

GRID = 256  # pixels, height and width at which motion is found; the lengths below are in these
KEEP = 0.9  # share of the carried colors where the picture is followed perfectly
CUT = 0.25  # less of the picture followed than this is a cut: measured < 0.02, pans > 0.7
SMOOTHING = 1.5  # sigma of what takes the grain out of L before two frames are compared
NEIGHBORHOOD = 2.0  # sigma of that in which L must agree: one pixel may do so by chance
MARGIN = 9  # pixels, side of the square in which all must be followed: no ghosts at edges
LIGHTNESS_TOLERANCE = 4.0  # in L; at this difference e⁻¹ of the trust is left
MOTION_TOLERANCE = 1.0  # pixels between motion forth and back; there e^-½ is left


@dataclass(frozen=True)
class Motion:
    """Where each point of a frame was in the frame before, and how far that can be trusted.

    flow: (GRID, GRID, 2) float32, x and y to add, in pixels. trust: (GRID, GRID) in [0, 1].
    """

    flow: Floats
    trust: Floats

    @property
    def is_cut(self) -> bool:
        """Whether too little of the picture is followed for it to be the same scene."""
        return float((self.trust > 0.5).mean()) < CUT


class TemporalFilter:
    """Called with the L and ab of one frame after another, returns ab without the flicker."""

    def __init__(self, keep: float = KEEP):
        """Begin a film. keep: the share of carried colors, 0 (each frame alone) to below 1."""
        self._keep = keep
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: tuple[Floats, Floats] | None = None  # L at GRID, ab

    def __call__(self, lightness: Floats, ab: Floats) -> Floats:
        """Return the ab of the film's next frame, (2, h, w).

        lightness: (h, w) in [0, 100]. ab: (2, h, w) as the network has it for this frame alone,
        which is what comes back for the first frame and after a cut.
        """
        lightness = _resized(lightness, GRID, GRID)
        if self._before is not None:
            motion = self.motion(lightness, self._before[0])
            if not motion.is_cut:
                ab = mix(ab, self._before[1], motion, self._keep)
        self._before = lightness, ab
        return ab

    def motion(self, lightness: Floats, before: Floats) -> Motion:
        """Return the motion from the frame before to this one, both L (GRID, GRID).

        Dense inverse search (Kroeger et al., ECCV 2016) both ways. Trust falls where the two
        ways disagree (occlusions), L differs (another thing), or the point was outside.
        """
        before = _same_exposure(before, lightness)
        forth, back = self._found(lightness, before), self._found(before, lightness)
        difference = _smooth(lightness) - _carried(_smooth(before), forth)
        difference = _smooth(np.square(difference), NEIGHBORHOOD)
        return_error = np.square(forth + _carried(back, forth)).sum(axis=2)
        trust = np.exp(-difference / LIGHTNESS_TOLERANCE**2)
        trust *= np.exp(-return_error / (2 * MOTION_TOLERANCE**2))
        places = _places(GRID, GRID) + forth
        trust *= ((places >= 0) & (places <= GRID - 1)).all(axis=2)
        trust = cv2.erode(trust.astype(np.float32), np.ones((MARGIN, MARGIN), np.uint8))
        return Motion(forth, np.asarray(trust))

    def _found(self, lightness: Floats, other: Floats) -> Floats:
        return np.asarray(self._flow.calc(_bytes(lightness), _bytes(other), None), np.float32)


def mix(ab: Floats, before: Floats, motion: Motion, keep: float) -> Floats:
    """Return ab (2, h, w), with the ab of the frame before carried along and mixed in."""
    height, width = ab.shape[1:]
    scale = np.array([width / GRID, height / GRID], np.float32)
    flow = _resized(motion.flow, height, width) * scale
    share = keep * _resized(motion.trust, height, width)
    carried = _carried(before.transpose(1, 2, 0), flow).transpose(2, 0, 1)
    mixed: Floats = ab + share * (carried - ab)
    return mixed


def _same_exposure(lightness: Floats, other: Floats) -> Floats:
    """Return L with the mean and, within limits, the contrast of another: old film pulsates."""
    contrast = np.clip(float(other.std()) / max(float(lightness.std()), 1e-3), 2 / 3, 3 / 2)
    matched: Floats = (lightness - lightness.mean()) * np.float32(contrast) + other.mean()
    return matched.clip(0, 100)


def _bytes(lightness: Floats) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(lightness.clip(0, 100) * 2.55).astype(np.uint8)
    return levels


def _smooth(values: Floats, sigma: float = SMOOTHING) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _places(height: int, width: int) -> Floats:
    """Return x and y of each pixel, (h, w, 2)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack((x, y), axis=2)


def _resized(values: Floats, height: int, width: int) -> Floats:
    smaller = height < values.shape[0]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=way), np.float32)


def _carried(values: Floats, flow: Floats) -> Floats:
    """Return what lay at each pixel's place in the frame before; values (h, w) or (h, w, n)."""
    places = _places(*flow.shape[:2]) + flow
    carried = cv2.remap(values, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(carried, np.float32)


class VideoColorizer:
    """A colorizer for the frames of one film, in their order."""

    def __init__(self, colorizer: Colorizer):
        """Begin a film with a colorizer's network and settings."""
        self.colorizer = colorizer
        self._steady = TemporalFilter()

    def __call__(self, photo: Photo) -> Photo:
        """Return the film's next frame in color."""
        return self.colorizer.join(photo, self.colors(photo))

    def colors(self, photo: Photo) -> Floats:
        """Return the ab of the film's next frame, (2, h, w), upright as the frame is."""
        return self._steady(*colors_alone(self.colorizer, photo))


def colors_alone(colorizer: Colorizer, photo: Photo) -> tuple[Floats, Floats]:
    """Return what the network sees and says of one frame: L (size, size) and ab (2, h, w)."""
    lightness = colorizer.network_input(photo)
    output = colorizer.predict(lightness)
    bilinear = colorizer.upsampling == "bilinear"  # what `Colorizer.join` does best with
    ab = colorizer.decode(output) if bilinear else colorizer.decode_lowres(output)
    return lightness[0, 0], ab[0]
