"""Random crops of any size and shape, by torchvision, for networks with full-size targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torchvision.transforms import v2


def resized_crop(
    lightness: npt.NDArray[np.uint8],
    ab: npt.NDArray[np.int8],
    size: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return L (size, size) and ab (2, size, size) of 8 to 100 % of a photograph's area.

    The aspect is 3:4 to 4:3, stretched to a square. lightness: (h, w); ab: (2, h, w).
    """
    lab = torch.from_numpy(np.concatenate((lightness[None], ab), dtype=np.float32))
    with torch.random.fork_rng(devices=[]):  # torchvision draws from the global generator
        torch.manual_seed(int(rng.integers(2**62)))
        crop = v2.RandomResizedCrop(size, antialias=True)(lab).round().numpy()
    return crop[0].clip(0, 255).astype(np.uint8), crop[1:].clip(-128, 127).astype(np.int8)
