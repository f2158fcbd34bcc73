"""The node for ComfyUI, by the contract that ComfyUI has with its nodes."""

import numpy as np
import pytest
import torch

from colorize.color import lab
from integrations.comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

NODE = NODE_CLASS_MAPPINGS["Colorize"]


def defaults() -> dict[str, object]:
    inputs = NODE.INPUT_TYPES()["required"]
    return {name: rest[0]["default"] for name, (_, *rest) in inputs.items() if rest}


def test_node_is_complete():
    assert callable(getattr(NODE(), NODE.FUNCTION))
    assert NODE.RETURN_TYPES == ("IMAGE",)
    assert set(NODE_DISPLAY_NAME_MAPPINGS) == set(NODE_CLASS_MAPPINGS)
    inputs = NODE.INPUT_TYPES()["required"]
    assert inputs["style"][0] == ["vivid", "faithful"]
    assert inputs["saturation"][0] == "FLOAT" and inputs["saturation"][1]["max"] == 3


@pytest.mark.parametrize("style", ["vivid", "faithful"])
def test_images_come_back_in_color_at_their_size_and_lightness(style):
    ramp = torch.linspace(0.1, 0.9, 60)[None, None, :, None]
    images = ramp.expand(2, 40, 60, 3).contiguous()
    (colored,) = NODE().colorize(images, **{**defaults(), "style": style})
    assert colored.shape == images.shape and colored.dtype == torch.float32
    assert 0 <= colored.min() and colored.max() <= 1
    assert (colored[..., 0] != colored[..., 2]).any()
    before, after = (
        lab.lightness((each.numpy() * 65535).astype(np.uint16)) for each in (images[0], colored[0])
    )
    assert np.abs(before - after).max() < 0.5
