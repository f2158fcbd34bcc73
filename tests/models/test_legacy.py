"""Weights files of earlier versions of `compact`, whose decoder took hints and statistics."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.legacy import WITH_HINTS
from colorize.models.metadata import StyleSettings

STATISTICS = NUM_BINS + 3  # a histogram and a mean chroma, each with a mask


@pytest.fixture
def former(network) -> dict[str, torch.Tensor]:
    """Return tensors of an earlier version that predict what the tiny network predicts.

    The convolutions have weights for hints, which do not matter, and the decoder adds what its
    layers for statistics return for zeros.
    """
    random = torch.Generator().manual_seed(0)
    state = {name.replace(".norm.", ".normalise."): x for name, x in network.state_dict().items()}
    for name in WITH_HINTS:
        weight = state[f"{name}.weight"]
        hints = torch.randn(weight.shape[0], 3, *weight.shape[2:], generator=random)
        state[f"{name}.weight"] = torch.cat((weight, hints), dim=1)
    width = len(state["decoder.normalise.running_mean"])
    first = torch.nn.Linear(STATISTICS, width)
    second = torch.nn.Linear(width, width, bias=False)
    state |= {f"decoder.statistics.0.{name}": x for name, x in first.state_dict().items()}
    state |= {f"decoder.statistics.2.{name}": x for name, x in second.state_dict().items()}
    added = second(F.relu(first(torch.zeros(1, STATISTICS))))[0].detach()
    mean = state["decoder.normalise.running_mean"]
    state["decoder.normalise.running_mean"] = mean + added
    return {name: x.contiguous() for name, x in state.items()}


HEADER = {
    "config": json.dumps({"architecture": "compact", "widths": [8, 8, 12, 16]}),
    "temperature": "0.3",
    "rebalance": "0.2",
    "styles": json.dumps({"faithful": {"temperature": 0.8, "rebalance": 0.1, "rarity": 0.2}}),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 0.02)])
def test_former_weights_give_the_same_logits(network, former, tmp_path, dtype, tolerance):
    tensors = {name: x.to(dtype) if x.is_floating_point() else x for name, x in former.items()}
    save_file(tensors, tmp_path / "former.safetensors", HEADER)
    loaded = registry.load("compact", tmp_path / "former.safetensors")
    assert loaded.state_dict().keys() == network.state_dict().keys()
    lightness = 100 * torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    logits = network(lightness)
    assert logits.std() > 0.3
    assert (loaded(lightness) - logits).abs().max() < tolerance
    assert loaded.metadata.styles == {
        "vivid": StyleSettings(0.3, 0.2),
        "faithful": StyleSettings(0.8, 0.1, 0.2),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decoder.statistics.0.bias", None),
        ("decoder.statistics.2.weight", torch.zeros(3)),
        ("decoder.up4.merge.0.weight", torch.zeros(4)),
        ("decoder.up4.merge.0.weight", torch.full((8, 35, 3, 3), np.nan)),
        ("decoder.normalise.running_mean", None),
    ],
)
def test_unsound_former_weights_are_refused(former, tmp_path, name, value):
    former[name] = value
    tensors = {key: x for key, x in former.items() if x is not None}
    save_file(tensors, tmp_path / "former.safetensors", HEADER)
    with pytest.raises(ColorizeError, match=r"former\.safetensors"):
        registry.load("compact", tmp_path / "former.safetensors")
