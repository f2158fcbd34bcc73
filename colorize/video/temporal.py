"""Keep the colors of a video steady from frame to frame, instead of flickering.

A network sees each frame on its own, and noise is enough to change its colors. Here the colors of
the previous frame are warped along the motion and blended with those of the new frame, except
where the motion can't be followed; there, and after a scene cut, only the new frame's colors count.

ab is blended rather than the distributions it comes from: that is as steady, and keeps the chroma,
of which blended distributions lose a tenth (docs/video.md has the figures).
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.types import Floats
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer

GRID = 256  # pixels, height and width at which motion is estimated; lengths below are in these
BLEND = 0.9  # weight of the warped colors where the confidence is 1
CUT = 0.25  # share of confident pixels below which a scene cut is assumed: cuts < 0.02, pans > 0.7
CONFIDENT = 0.5  # confidence above which a pixel counts as followed
SMOOTHING = 1.5  # sigma of the blur that removes grain from L before two frames are compared
NEIGHBORHOOD = 2.0  # sigma of the window in which L must agree: one pixel may do so by chance
EROSION_SIZE = 9  # pixels, side of the window that takes the least confidence: no ghosts at edges
LIGHTNESS_TOLERANCE = 4.0  # of L; a difference this large leaves a confidence of exp(-1)
MOTION_TOLERANCE = 1.0  # pixels between forward and backward motion, which leaves exp(-1/2)
CONTRAST_RANGE = 2 / 3, 3 / 2  # limits of the factor that matches two exposures


@dataclass(frozen=True)
class Motion:
    """Where each pixel of a frame was in the previous one.

    Attributes:
        flow: (GRID, GRID, 2) float32, x and y in pixels to add.
        confidence: (GRID, GRID) float32, 0 to 1.
    """

    flow: Floats
    confidence: Floats

    @property
    def is_scene_cut(self) -> bool:
        """Whether too little of the frame is followed for both to show the same scene."""
        return float((self.confidence > CONFIDENT).mean()) < CUT


@dataclass(frozen=True)
class FilterState:
    """What the temporal filter remembers of the previous frame.

    Attributes:
        lightness: L, (GRID, GRID) float32.
        ab: the filtered colors, (2, h, w) float32.
    """

    lightness: Floats
    ab: Floats

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> FilterState | None:
        """Return the state of `to_arrays`; None if it is not among the arrays."""
        return cls(arrays["lightness"], arrays["ab"]) if "ab" in arrays else None

    def to_arrays(self) -> dict[str, Floats]:
        """Return the state as arrays by name, to be saved."""
        return {"lightness": self.lightness, "ab": self.ab}


class TemporalFilter:
    """Removes flicker from ab; called with L and ab of each frame in order.

    Attributes:
        state: of the previous frame; None before the first.
    """

    def __init__(self) -> None:
        """Start a video."""
        self.state: FilterState | None = None

    def __call__(self, lightness: Floats, ab: Floats) -> Floats:
        """Return the ab of the next frame, (2, h, w).

        Args:
            lightness: L of the frame, (height, width), 0 to 100.
            ab: the network's colors for this frame, (2, h, w); they are returned unchanged for
                the first frame and after a scene cut.
        """
        lightness = grid_lightness(lightness)
        motion = None
        if self.state is not None:
            motion = estimate_motion(lightness, self.state.lightness)
        return self.update(lightness, ab, motion)

    def update(self, lightness: Floats, ab: Floats, motion: Motion | None) -> Floats:
        """Return the ab of the next frame, of which the motion is known.

        Args:
            lightness: L of the frame, (GRID, GRID).
            ab: the network's colors for this frame, (2, h, w).
            motion: from the previous frame to this one; None for the first frame.
        """
        if self.state is not None and motion is not None and not motion.is_scene_cut:
            ab = blend_previous(ab, self.state.ab, motion)
        self.state = FilterState(lightness, ab)
        return ab


def grid_lightness(lightness: Floats) -> Floats:
    """Return L (height, width) at the size at which motion is estimated, (GRID, GRID)."""
    return _resize(lightness, GRID, GRID)


def estimate_motion(lightness: Floats, previous: Floats) -> Motion:
    """Return the motion from the previous frame to this one, both L (GRID, GRID).

    The optical flow is estimated in both directions. The confidence is low where they disagree
    (occlusion), L differs (another object), or the pixel was outside.
    """
    previous = _match_exposure(previous, lightness)
    forward = _optical_flow(lightness, previous)
    backward = _optical_flow(previous, lightness)
    difference = _smooth(lightness) - _warp(_smooth(previous), forward)
    difference = _smooth(np.square(difference), NEIGHBORHOOD)
    x, y = cv2.split(forward + _warp(backward, forward))
    round_trip = x * x + y * y
    confidence = np.exp(-difference / LIGHTNESS_TOLERANCE**2)
    confidence *= np.exp(-round_trip / (2 * MOTION_TOLERANCE**2))
    for position in cv2.split(_pixel_grid(GRID, GRID) + forward):
        confidence *= (position >= 0) & (position <= GRID - 1)
    window = np.ones((EROSION_SIZE, EROSION_SIZE), np.uint8)
    return Motion(forward, np.asarray(cv2.erode(confidence.astype(np.float32), window)))


class _DenseInverseSearch(threading.local):
    """Optical flow of one thread (Kroeger et al., ECCV 2016); its memory is kept between frames."""

    def __init__(self) -> None:
        self.estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


_dense_inverse_search = _DenseInverseSearch()


def _optical_flow(lightness: Floats, previous: Floats) -> Floats:
    frames = _bytes(lightness), _bytes(previous)
    return np.asarray(_dense_inverse_search.estimator.calc(*frames, None), np.float32)


def blend_previous(ab: Floats, previous: Floats, motion: Motion) -> Floats:
    """Return ab (2, h, w) blended with the warped ab of the previous frame.

    Args:
        ab: The network's colors for this frame, (2, h, w).
        previous: The previous frame's result, (2, h, w).
        motion: From the previous frame to this one.
    """
    height, width = ab.shape[1:]
    scale = np.array([width / GRID, height / GRID], np.float32)
    flow = _resize(motion.flow, height, width) * scale
    weight = BLEND * _resize(motion.confidence, height, width)
    warped = _warp(previous.transpose(1, 2, 0), flow).transpose(2, 0, 1)
    blended: Floats = ab + weight * (warped - ab)
    return blended


def _match_exposure(lightness: Floats, reference: Floats) -> Floats:
    """Return L with the mean and, within limits, the contrast of a reference: old film pulsates."""
    contrast = float(reference.std()) / max(float(lightness.std()), 1e-3)
    factor = np.float32(np.clip(contrast, *CONTRAST_RANGE))
    matched: Floats = (lightness - lightness.mean()) * factor + reference.mean()
    return matched.clip(0, 100)


def _bytes(lightness: Floats) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(lightness.clip(0, 100) * 2.55).astype(np.uint8)
    return levels


def _smooth(values: Floats, sigma: float = SMOOTHING) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


@functools.cache
def _pixel_grid(height: int, width: int) -> Floats:
    """Return x and y of each pixel, (height, width, 2), not to be changed."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack((x, y), axis=2)


def _resize(values: Floats, height: int, width: int) -> Floats:
    smaller = height < values.shape[0]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=interpolation), np.float32)


def _warp(values: Floats, flow: Floats) -> Floats:
    """Return the values (h, w) or (h, w, n) that were at each pixel in the previous frame."""
    positions = _pixel_grid(*flow.shape[:2]) + flow
    warped = cv2.remap(values, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


class VideoColorizer:
    """Colorizes the frames of one video; called with each frame in order."""

    def __init__(self, colorizer: Colorizer):
        """Start a video. Raises ColorizeError for settings that would make it pulsate."""
        refuse_autocontrast(colorizer)
        self.colorizer = colorizer
        self._filter = TemporalFilter()

    @property
    def state(self) -> FilterState | None:
        """Of the frames so far; a video goes on where it was set to that of another colorizer."""
        return self._filter.state

    @state.setter
    def state(self, state: FilterState | None) -> None:
        self._filter.state = state

    def __call__(self, photo: Photo) -> Photo:
        """Return the next frame in color."""
        return self.colorizer.merge(photo, self.predict(photo))

    def predict(self, photo: Photo) -> Floats:
        """Return the ab of the next frame, (2, h, w)."""
        return self._filter(*predict_frame(self.colorizer, photo))


def refuse_autocontrast(colorizer: Colorizer) -> None:
    """Raise ColorizeError for a setting that looks at each frame of a video on its own."""
    if colorizer.options.autocontrast:
        raise ColorizeError("--autocontrast would make a video pulsate; leave it out")


def predict_frame(colorizer: Colorizer, photo: Photo) -> tuple[Floats, Floats]:
    """Return the network's input L (height, width) and ab (2, h, w) for a single frame."""
    lightness = colorizer.network_input(photo)
    return lightness[0, 0], predict_ab(colorizer, lightness)


def predict_ab(colorizer: Colorizer, lightness: Floats) -> Floats:
    """Return ab (2, h, w) for the network's input L (1, 1, height, width) of a single frame."""
    logits = colorizer.predict_logits(lightness)
    if colorizer.options.reference is None:
        ab = colorizer.decode(logits, smooth_along=lightness)
    else:  # shifts the logits of the whole frame
        ab = colorizer.decode(colorizer.postprocess_logits(logits, lightness))
    upsampled: Floats = colorizer.upsample(ab)[0]
    return upsampled
