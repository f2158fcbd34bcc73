"""DDColor against `fixtures.ddcolor`, a recomputation from the published tensors."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.ddcolor import (
    LARGE,
    NORMALIZED,
    SMALL,
    TINY,
    published_shapes,
    published_weights,
    release_ab,
    seeded_lightness,
)

from colorize.errors import ColorizeError
from colorize.evaluation.metrics import mean_delta_e
from colorize.io.checksum import hash_file
from colorize.models import pth, registry
from colorize.models.ddcolor import DDColor, DDColorTiny
from colorize.models.ddcolor_weights import convert_published_ddcolor
from colorize.models.registry import Model
from colorize.models.serialization import load_network
from colorize.runtime import onnx_runner, precision

BUFFERS = (*NORMALIZED[1:], "running_mean", "running_var", "num_batches_tracked")


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    """Return a row of the registry with an encoder that is quick to run."""

    class Small(DDColor):
        depths, widths = SMALL

    made = Model("small", "ddcolor", Small, "small.bin", "", 0, "", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.MODELS, "small", made)
        yield made


@pytest.fixture(scope="module")
def network(small_ddcolor, model, tmp_path_factory) -> DDColor:
    """Return the network, which tests share and must not change."""
    return loaded(small_ddcolor, model, tmp_path_factory.mktemp("small"))


def loaded(content: dict, model: Model, folder: Path) -> DDColor:
    torch.save(content, folder / "weights.bin")
    return load_network(folder / "weights.bin", model)


def converted_shapes(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return names and shapes after the conversion of tensors of these shapes."""
    ones = {name: np.broadcast_to(np.float32(1), shape) for name, shape in shapes.items()}
    return {name: array.shape for name, array in convert_published_ddcolor(ones).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network_class", "sizes", "entries", "parameters"),
    [(DDColorTiny, TINY, 440, 55_006_640), (DDColor, LARGE, 602, 227_869_328)],
    ids=["tiny", "large"],
)
def test_tensors_are_the_published_ones(network_class, sizes, entries, parameters):
    shapes = published_shapes(*sizes)
    assert len(shapes) == entries
    counted = [
        math.prod(shape)
        for name, shape in shapes.items()
        if name not in ("mean", "std") and not name.endswith(BUFFERS)
    ]
    assert sum(counted) == parameters
    with torch.device("meta"):
        network = network_class()
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert converted_shapes(shapes) == own
    # the normalization of a pooled vector, which the release does not use
    unused = 2 * sizes[1][3]
    assert sum(tensor.numel() for tensor in network.parameters()) == parameters - unused


@pytest.mark.parametrize(
    "size",
    [(32, 96), *(pytest.param(size, marks=pytest.mark.slow) for size in ((64, 64), (128, 64)))],
)
def test_ab_is_the_releases(network, small_ddcolor, size):
    lightness = seeded_lightness(*size, b=2)
    expected = release_ab(small_ddcolor, lightness, dtype=torch.float64)
    assert expected.std() > 5  # a picture, so that agreement means something
    found = network(lightness)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"), [("ddcolor-tiny", TINY), ("ddcolor", LARGE)], ids=["tiny", "large"]
)
def test_ab_of_the_published_sizes_is_the_releases(name, sizes, tmp_path):
    weights = published_weights(*sizes)
    network = loaded(weights, registry.find(name), tmp_path)
    for size in ((64, 64), (32, 96)):
        lightness = seeded_lightness(*size)
        expected = release_ab(weights, lightness)
        assert expected.std() > 5
        assert (network(lightness) - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.slow
def test_onnx_runtime_gives_what_torch_gives(tmp_path):
    """With the shipped graph, from the published file."""
    weights = published_weights(*TINY)
    file = tmp_path / "weights.bin"
    torch.save(weights, file)
    network = load_network(file, registry.find("ddcolor-tiny"))
    run = onnx_runner.load("ddcolor-tiny", file)
    assert run.metadata.input_size == 512
    for size in ((64, 64), (32, 96)):
        lightness = seeded_lightness(*size, b=2)
        expected = network(lightness).numpy()
        difference = np.abs(run(lightness.numpy()) - expected).max()
        assert difference < 1e-4 * np.abs(expected).max()


@pytest.mark.slow
def test_published_file_is_converted_at_first_use(small_ddcolor, model, tmp_path, monkeypatch):
    """From then on safetensors are read, in which the normalization is already done."""
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path))
    torch.save(small_ddcolor, tmp_path / "small.bin")
    row = dataclasses.replace(
        model, url="http://127.0.0.1:9/none", sha256=hash_file(tmp_path / "small.bin")
    )
    monkeypatch.setitem(registry.MODELS, "small", row)
    lightness = seeded_lightness(32, 32)
    expected = registry.load("small")(lightness)
    (tmp_path / "small.bin").unlink()
    assert torch.equal(registry.load("small")(lightness), expected)


def test_spectral_norm_is_that_of_the_stored_vectors(small_ddcolor):
    changed = {name: tensor.numpy() for name, tensor in small_ddcolor.items()}
    changed["refine_net.0.0.weight_v"] = 2 * changed["refine_net.0.0.weight_v"]
    before, after = (
        convert_published_ddcolor(tensors)["refine_net.0.0.weight"]
        for tensors in ({name: tensor.numpy() for name, tensor in small_ddcolor.items()}, changed)
    )
    np.testing.assert_allclose(after, before / 2, rtol=1e-6)


@pytest.mark.slow
def test_both_published_layouts_give_the_same_network(network, small_ddcolor, model, tmp_path):
    """The .pth is a dict with one entry, and holds a classifier's head."""
    head = {"encoder.arch.head_cls.weight": torch.ones(4, 48)}
    head["encoder.arch.head_cls.bias"] = torch.ones(4)
    other = loaded({"params": small_ddcolor | head}, model, tmp_path)
    lightness = seeded_lightness(32, 32)
    assert torch.equal(other(lightness), network(lightness))


@pytest.mark.slow
def test_what_the_release_does_not_use_may_be_missing(network, small_ddcolor, model, tmp_path):
    unused = ("mean", "std", "encoder.arch.norm.weight", "encoder.arch.norm.bias")
    kept = {name: tensor for name, tensor in small_ddcolor.items() if name not in unused}
    kept = {name: tensor for name, tensor in kept.items() if not name.endswith("tracked")}
    lightness = seeded_lightness(32, 32)
    assert torch.equal(loaded(kept, model, tmp_path)(lightness), network(lightness))


LAYER = "decoder.layers.0.shuf.conv.0"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({f"{LAYER}.weight_u": None}, rf"lacks tensors \(1\): {LAYER}.weight_u"),
        ({f"{LAYER}.weight_orig": None}, rf"lacks tensors \(1\): {LAYER}.weight_orig"),
        ({f"{LAYER}.weight_v": torch.ones(5)}, rf"{LAYER}.weight_v has shape \(5,\)"),
        ({f"{LAYER}.weight_v": torch.zeros(48)}, f"damaged: {LAYER}"),
        ({f"{LAYER}.weight_u": torch.full((2048,), torch.nan)}, f"damaged: {LAYER}"),
        ({"encoder.arch.stages.1.0.gamma": None}, "lacks .* encoder.arch.stages.1.0.gamma"),
        ({"encoder.arch.norm0.bias": torch.ones(3)}, r"encoder.arch.norm0.bias has shape \(3,\)"),
        ({"extra": torch.ones(1)}, r"unknown tensors \(1\): extra"),
    ],
)
def test_wrong_tensors_are_refused_by_name(small_ddcolor, model, monkeypatch, change, reason):
    changed = {name: x for name, x in (small_ddcolor | change).items() if x is not None}
    arrays = {name: tensor.numpy() for name, tensor in changed.items()}
    monkeypatch.setattr(pth, "read_pth", lambda *_, **__: arrays)  # 100 MB need not be written
    file = Path(__file__)  # of any content
    with pytest.raises(ColorizeError, match=reason):
        load_network(file, model)


def test_sizes_of_the_encoder_are_told_apart(tmp_path):
    signatures = {name: registry.find(name).signature for name in ("ddcolor", "ddcolor-tiny")}
    small = torch.zeros(1)
    for found, other in (("ddcolor-tiny", "ddcolor"), ("ddcolor", "ddcolor-tiny")):
        torch.save({signatures["ddcolor-tiny"]: small, signatures[found]: small}, tmp_path / "x")
        with pytest.raises(ColorizeError, match=f"holds {found}, not {other}; use --model {found}"):
            load_network(tmp_path / "x", registry.find(other))


def test_input_is_left_unchanged_and_batches_do_not_matter(network):
    lightness = seeded_lightness(32, 64)
    kept = lightness.clone()
    alone = network(lightness)
    assert torch.equal(lightness, kept)
    together = network(torch.cat((lightness, torch.zeros_like(lightness))))[:1]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-3)


def test_float32_is_kept_where_bfloat16_would_change_colors(
    small_ddcolor, model, tmp_path, monkeypatch
):
    """By a mean ΔE of more than 0.5, the limit for rounding; on GPUs too."""
    monkeypatch.setattr(precision, "cpu_supports_bf16", lambda: True)
    network = loaded(small_ddcolor, model, tmp_path)
    lightness = seeded_lightness(32, 32)
    exact = network(lightness)
    tuned = precision.optimize_for_inference(network)
    assert {parameter.dtype for parameter in tuned.parameters()} == {torch.float32}
    assert DDColor.half_precision == torch.float32
    rounded = precision.optimize_for_inference(network, "bfloat16")(lightness)
    lab = [
        torch.cat((lightness, ab.float()), 1)[0].movedim(0, -1).numpy() for ab in (exact, rounded)
    ]
    assert mean_delta_e(*lab) > 0.5


def test_metadata_is_that_of_a_regression_of_512_pixels():
    with torch.device("meta"):
        metadata = DDColor().metadata
    assert (metadata.output, metadata.size_divisor, metadata.output_stride) == ("ab", 32, 1)
    assert (metadata.input_size, metadata.takes_hints) == (512, False)
