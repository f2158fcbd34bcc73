"""A node for ComfyUI that colorizes images. README.md says how to install it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from colorize import ColorizeOptions, Colorizer, available_models
from colorize.option_fields import Option, options_of

SHOWN = ("style", "saturation", "warmth", "autocontrast")
TYPES = {bool: "BOOLEAN", int: "INT", float: "FLOAT", str: "STRING"}


@lru_cache(maxsize=1)
def _colorizer(model: str) -> Colorizer:
    """Return the network, kept for the next run of the workflow."""
    device = "gpu" if torch.cuda.is_available() else "cpu"
    return Colorizer.from_pretrained(model, device=device)


def _input(option: Option) -> tuple[object, dict[str, object]]:
    """Return an option of the command as an input of the node: its type and its limits."""
    details: dict[str, object] = {
        "default": option.default_text if option.default is None else option.default,
        "tooltip": option.help,
    }
    if option.choices:
        return list(option.choices), details
    if option.maximum is not None:
        details |= {"min": option.minimum, "max": option.maximum, "step": 0.05}
    return TYPES[option.type], details


class Colorize:
    """Colorizes images: their lightness is kept, their colors are computed."""

    CATEGORY = "image/color"
    DESCRIPTION = "Color for black-and-white photographs, at their full size."
    FUNCTION = "colorize"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """Return the inputs of the node, as ComfyUI asks for them."""
        models = [model.name for model in available_models()]
        options = {each.name: each for each in options_of(ColorizeOptions)}
        network = {"image": ("IMAGE",), "model": (models, {"default": "compact"})}
        return {"required": {**network, **{name: _input(options[name]) for name in SHOWN}}}

    def colorize(
        self, image: torch.Tensor, model: str, **settings: str | float | bool
    ) -> tuple[torch.Tensor]:
        """Return the images in color: (B, H, W, 3) float32 in [0, 1], as they came.

        Settings that the network has no use for are ignored, such as the style of DDColor. Raises
        ColorizeError if the weights cannot be obtained.
        """
        network = _colorizer(model)
        changed = ColorizeOptions().replace(**settings).changed()
        usable = [each.name for each in changed if not each.missing(network.metadata)]
        colorizer = network.with_options(**{name: settings[name] for name in usable})
        pixels = (image.cpu().numpy().clip(0, 1) * 65535 + 0.5).astype(np.uint16)
        colored = np.stack([colorizer(each) for each in pixels])
        return (torch.from_numpy(colored.astype(np.float32) / 65535),)


NODE_CLASS_MAPPINGS = {"Colorize": Colorize}
NODE_DISPLAY_NAME_MAPPINGS = {"Colorize": "Colorize (black-and-white photographs)"}
