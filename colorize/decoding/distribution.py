"""What else a predicted distribution tells: other colorizations, and how sure the network is.

The functions take a `pipeline.Colorizer`, whose methods `samples` and `confidence` are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from colorize.decoding import sampling
from colorize.decoding.annealed_mean import probabilities
from colorize.decoding.confidence import confidence
from colorize.errors import ColorizeError
from colorize.io.photo import Photo

if TYPE_CHECKING:
    from colorize.pipeline import Colorizer

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def require_distribution(colorizer: Colorizer) -> None:
    """Raise ColorizeError for a network without distributions to draw from or be sure of."""
    if colorizer.metadata.output != "logits":
        raise ColorizeError(
            "samples and confidence need a distribution, and this network predicts colors; "
            "use compact or eccv16"
        )


def distribution(colorizer: Colorizer, output: Array) -> Floats:
    """Return the probabilities that `decode` averages colors by, (b, 313, h/4, w/4)."""
    require_distribution(colorizer)
    assert colorizer.temperature is not None and colorizer.rebalance is not None
    offset = colorizer.offset(colorizer.rebalance)
    return probabilities(colorizer.weighted(output), colorizer.temperature, offset)


def samples(colorizer: Colorizer, photo: Photo, numbers: range, seed: int) -> list[Photo]:
    """Return different colorizations, drawn from the distributions, by their numbers from 1.

    Raises ColorizeError for a network without distributions, a number below 1 or a negative seed.
    """
    sampling.validate(numbers[-1] if numbers else 0, seed)
    require_distribution(colorizer)
    photo = colorizer.prepared(photo)
    lightness = colorizer.network_input(photo)
    output, places = colorizer.predict(lightness), colorizer.hinted([photo])
    condition = colorizer.condition(places)
    results = []
    for number in numbers:
        ab = colorizer.decode_for_merge(vary(colorizer, output, number, seed))
        ab = colorizer.follow(ab, lightness, output, condition)
        results.append(colorizer.join(photo, ab[0], places[0]))
    return results


def vary(colorizer: Colorizer, output: Array, number: int, seed: int = 0) -> Floats:
    """Return the network's output (b, 313, h/4, w/4) changed to that of a sample."""
    centers = colorizer.metadata.bin_centers
    assert centers is not None  # else there is no distribution
    current = distribution(colorizer, output)
    assert colorizer.temperature is not None  # else there is no distribution
    return sampling.sample_logits(output, current, centers, number, seed, colorizer.temperature)


def confidence_of(colorizer: Colorizer, output: Array) -> Floats:
    """Return `Colorizer.confidence` of the network's output, (b, h/4, w/4)."""
    require_distribution(colorizer)
    return confidence(probabilities(output, 1.0, colorizer.offset(0.0)))
