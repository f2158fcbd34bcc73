import contextlib
import json
import os
import pickle
import random
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.compact import Compact
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import StyleSettings
from colorize.models.serialization import MAX_HEADER, load_network, read_weights, save_compact
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.runtime.skeleton import Skeleton, fill

WIDTHS = (8, 8, 8, 8)
VIVID = StyleSettings(0.4, 0.7)
PUBLISHED = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}
LIGHTNESS = torch.linspace(0, 100, 64 * 64).view(1, 1, 64, 64)


def read_network(file: Path, name: str) -> torch.nn.Module:
    return load_network(file, registry.find(name))


def seeded_compact(**metadata) -> Compact:
    torch.manual_seed(0)
    return Compact(WIDTHS, **metadata).eval().requires_grad_(False)


def save(network: Compact, file: Path, **options) -> Path:
    save_compact(network, file, **options)
    return file


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Path:
    network = seeded_compact(
        class_weights=np.linspace(0.1, 5, NUM_BINS),
        prior=np.full(NUM_BINS, 1 / NUM_BINS),
        styles={"vivid": VIVID},
        input_autocontrast=0.5,
    )
    return save(network, tmp_path_factory.mktemp("pristine") / "compact.safetensors")


@pytest.fixture
def ours(pristine, tmp_path) -> Path:
    """Return a file of ours that the test may change."""
    return Path(shutil.copy(pristine, tmp_path))


@pytest.fixture(scope="module")
def published(eccv16, siggraph17, tmp_path_factory) -> dict[str, tuple[Path, torch.nn.Module]]:
    """Files of the published keys and shapes, in the format of `torch.save`, and their networks."""
    folder, made = tmp_path_factory.mktemp("published"), {}
    for name, network in (("eccv16", eccv16), ("siggraph17", siggraph17)):
        torch.save(network.state_dict(), folder / f"{name}.pth")
        made[name] = folder / f"{name}.pth", network
    return made


@pytest.fixture(scope="module")
def shrunk(eccv16, siggraph17, tmp_path_factory) -> dict[str, Path]:
    """Files like the published ones with one value per tensor, to be refused before the shapes."""
    folder, made = tmp_path_factory.mktemp("shrunk"), {}
    for name, network in (("eccv16", eccv16), ("siggraph17", siggraph17)):
        made[name] = folder / f"{name}.pth"
        state = network.state_dict().items()
        torch.save({key: tensor.flatten()[:1].clone() for key, tensor in state}, made[name])
    return made


def changed(file: Path, tensors: dict | None = None, header: dict | None = None) -> Path:
    """Rewrite a file of ours with other tensors or entries of the header; None removes one."""
    with safe_open(file, "pt") as content:
        new_header = content.metadata() | (header or {})
    new_tensors = load_file(file) | (tensors or {})
    new_header = {key: value for key, value in new_header.items() if value is not None}
    new_tensors = {key: value for key, value in new_tensors.items() if value is not None}
    save_file(new_tensors, file, new_header)
    return file


def assert_refused(file: Path, match: str, architecture: str = "compact") -> None:
    with pytest.raises(ColorizeError, match=match) as error:
        read_network(file, architecture)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_compact_comes_back_as_saved(ours):
    network, saved = read_network(ours, "compact"), seeded_compact()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert network.widths == WIDTHS
    torch.testing.assert_close(network(LIGHTNESS), saved(LIGHTNESS), rtol=0.01, atol=0.01)


def test_compact_brings_its_decoding_along(ours):
    network = read_network(ours, "compact")
    assert network.metadata.styles["vivid"] == VIVID
    assert network.metadata.input_autocontrast == 0.5
    np.testing.assert_allclose(
        network.metadata.class_weights, np.linspace(0.1, 5, NUM_BINS), rtol=1e-6
    )
    np.testing.assert_array_equal(network.metadata.bin_centers, bin_centers())
    assert network.state_dict().keys() == seeded_compact().state_dict().keys()


def test_compact_without_decoding_in_its_header_has_neutral_defaults(ours):
    left_out = ("class_weights", "styles", "prior", "input_autocontrast")
    changed(ours, header=dict.fromkeys(left_out))
    network = read_network(ours, "compact")
    assert network.metadata.class_weights is None
    assert network.metadata.prior is None
    assert network.metadata.styles == {"vivid": StyleSettings(1.0, 1.0)}
    assert network.metadata.input_autocontrast == 0


@pytest.mark.parametrize("value", ["2", "-1", "true", '"all"'])
def test_a_stretch_of_the_input_that_is_no_share_is_refused(ours, value):
    changed(ours, header={"input_autocontrast": value})
    assert_refused(ours, "input_autocontrast")
    model = registry.find("compact")
    weights = read_weights(ours, model)
    shapes = {name: tensor.shape for name, tensor in weights.tensors.items()}
    skeleton = Skeleton(seeded_compact().metadata, shapes, {})
    with pytest.raises(ColorizeError, match=f"{ours.name}.*input_autocontrast"):
        fill(skeleton, weights, ours, model)


def test_saved_file_is_half_precision_with_a_readable_header(tmp_path):
    file = save(
        seeded_compact(prior=np.full(NUM_BINS, 1 / NUM_BINS)),
        tmp_path / "c.safetensors",
        extra={"seed": "0"},
    )
    with safe_open(file, "pt") as content:
        header = content.metadata()
    assert json.loads(header["config"]) == {"architecture": "compact", "widths": list(WIDTHS)}
    assert len(json.loads(header["prior"])) == NUM_BINS
    assert header["seed"] == "0"
    dtypes = {tensor.dtype for tensor in load_file(file).values()}
    assert dtypes == {torch.float16, torch.int64}
    assert stat.S_IMODE(file.stat().st_mode) & 0o400
    assert list(tmp_path.iterdir()) == [file]


def test_saving_the_same_network_gives_the_same_bytes(tmp_path):
    first = save(seeded_compact(), tmp_path / "1.safetensors")
    second = save(seeded_compact(), tmp_path / "2.safetensors")
    assert first.read_bytes() == second.read_bytes()


def test_failed_saving_leaves_the_older_file(ours, tmp_path):
    before = ours.read_bytes()
    network = seeded_compact()
    network.decoder.classify.bias[3] = 1e6
    with pytest.raises(ValueError, match=r"decoder\.classify\.bias"):
        save(network, ours)
    assert ours.read_bytes() == before
    assert list(tmp_path.iterdir()) == [ours]


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_format_gives_the_same_network(published, name):
    file, network = published[name]
    loaded = read_network(file, name)
    assert type(loaded) is PUBLISHED[name]
    assert not loaded.training
    assert torch.equal(loaded(LIGHTNESS), network(LIGHTNESS))


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_old_file_without_counters_loads(published, tmp_path, name):
    state = published[name][1].state_dict()
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    file = tmp_path / "old.pth"
    torch.save(old, file, _use_new_zipfile_serialization=False)
    loaded = read_network(file, name)
    assert torch.equal(loaded(LIGHTNESS), published[name][1](LIGHTNESS))


@pytest.mark.slow
def test_published_weights_as_safetensors_load_whatever_the_name(published, tmp_path):
    file = tmp_path / "weights.pth"
    save_file(published["eccv16"][1].state_dict(), file)
    loaded = read_network(file, "eccv16")
    assert torch.equal(loaded(LIGHTNESS), published["eccv16"][1](LIGHTNESS))


@pytest.mark.slow
def test_published_weights_have_neutral_decoding(published):
    network = read_network(published["eccv16"][0], "eccv16")
    assert network.metadata.class_weights is None
    assert network.metadata.styles == {"vivid": StyleSettings(1.0, 1.0)}


@pytest.mark.slow
def test_loaded_network_does_not_need_the_file_any_more(ours, published, tmp_path):
    copy = tmp_path / "copy.pth"
    copy.write_bytes(published["eccv16"][0].read_bytes())
    network, published_network = read_network(ours, "compact"), read_network(copy, "eccv16")
    before = network(LIGHTNESS), published_network(LIGHTNESS)
    for file in (ours, copy):
        file.write_bytes(b"")
    assert torch.equal(network(LIGHTNESS), before[0])
    assert torch.equal(published_network(LIGHTNESS), before[1])


def test_other_architecture_is_named(ours, shrunk):
    assert_refused(ours, "holds compact, not eccv16; use --model compact", "eccv16")
    assert_refused(shrunk["eccv16"], "holds eccv16, not compact", "compact")
    assert_refused(shrunk["eccv16"], "holds eccv16, not siggraph17", "siggraph17")
    assert_refused(shrunk["siggraph17"], "holds siggraph17, not eccv16", "eccv16")


def test_missing_file_and_folder_are_refused(tmp_path):
    assert_refused(tmp_path / "none.pth", "no such file")
    assert_refused(tmp_path, "cannot read the weights")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xd8\xff\xe0 not weights" * 9, bytes(99)])
def test_file_of_another_kind_is_refused(tmp_path, content):
    file = tmp_path / "file.pth"
    file.write_bytes(content)
    assert_refused(file, "neither safetensors nor a PyTorch file")


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9999])
@pytest.mark.parametrize("name", ["ours", "eccv16"])
def test_truncated_file_is_refused(ours, shrunk, tmp_path, name, share):
    content = (ours if name == "ours" else shrunk[name]).read_bytes()
    file = tmp_path / "cut"
    file.write_bytes(content[: int(share * len(content))])
    assert_refused(file, "damaged|incomplete|neither", "compact" if name == "ours" else name)


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


class AllMemory:
    """Asks for more than any address space, by a function that `weights_only` allows."""

    def __reduce__(self):
        return bytearray, (10**18,)


@pytest.mark.parametrize("file_format", ["pickle", "old", "new"])
def test_pickle_with_code_is_refused_and_not_run(tmp_path, file_format):
    file, marker = tmp_path / "file.pth", tmp_path / "executed"
    content = {"model8.6.weight": Malicious(marker)}
    if file_format == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=file_format == "new")
    assert_refused(file, "refused: .* only tensors$", "eccv16")
    assert not marker.exists()


def test_pickle_that_asks_for_all_memory_is_refused(tmp_path):
    torch.save({"model8.6.weight": AllMemory()}, tmp_path / "file.pth")
    assert_refused(tmp_path / "file.pth", "refused", "eccv16")


@pytest.mark.parametrize("file_format", ["old", "new", "safetensors"])
def test_files_with_changed_bytes_never_raise_anything_else(tmp_path, file_format):
    file = tmp_path / "file"
    tensors = {f"layer{i}.weight": torch.ones(4, 3) for i in range(3)}
    if file_format == "safetensors":
        save_file(tensors, file, {"config": "{}"})
    else:
        torch.save(tensors, file, _use_new_zipfile_serialization=file_format == "new")
    content, chance = file.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        with contextlib.suppress(ColorizeError):
            read_weights(file, registry.find("eccv16"))


def test_zip_that_unpacks_to_more_than_its_size_is_refused(tmp_path):
    file = tmp_path / "bomb.pth"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    assert_refused(file, "10000000 unpacked", "eccv16")


@pytest.mark.parametrize(
    "content", [[torch.zeros(3)], {"a": 1}, {1: torch.zeros(1)}, torch.ones(2)]
)
def test_pytorch_file_that_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "file.pth")
    assert_refused(tmp_path / "file.pth", "does not hold a state_dict", "eccv16")


def test_header_longer_than_the_file_is_refused(tmp_path):
    file = tmp_path / "file.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 40) + b'{"a":')
    assert_refused(file, "header incomplete")


def test_enormous_header_is_refused_unread(tmp_path):
    file = tmp_path / "file.safetensors"
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", 8 << 30) + b"{")
        stream.truncate(9 << 30)  # takes no room on the disk
    assert_refused(file, "refused: a header of")
    assert MAX_HEADER < 8 << 30


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "{}x",
        "{" * 5000,
        '{"a":{"dtype":"F32","shape":[1000000000,1000000],"data_offsets":[0,4]}}',
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4000000000,4000000004]}}',
        '{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
    ],
)
def test_senseless_safetensors_header_is_refused(tmp_path, header):
    file = tmp_path / "file.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    assert_refused(file, "damaged safetensors file")


KEY = "decoder.classify.bias"


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.zeros(7), rf"{KEY} has shape \(7,\), expected \(313,\)"),
        (torch.zeros(NUM_BINS, dtype=torch.int64), f"{KEY} has an unexpected number type, int64"),
        (torch.zeros(NUM_BINS).to(torch.float8_e4m3fn), f"{KEY} has an unexpected number type"),
        (torch.full((NUM_BINS,), torch.nan), f"damaged: {KEY} holds values that are not finite"),
        (torch.tensor([torch.inf] + [0.0] * 312), f"damaged: {KEY}"),
        (torch.full((NUM_BINS,), 1e300, dtype=torch.float64), f"damaged: {KEY}"),
        (None, rf"lacks tensors \(1\): {KEY}"),
    ],
)
def test_unsound_tensor_is_refused(ours, tensor, reason):
    assert_refused(changed(ours, {KEY: tensor}), reason)


def test_tensor_without_numbers_is_refused(shrunk, tmp_path):
    state = torch.load(shrunk["eccv16"])
    state["model1.0.bias"] = torch.empty(64, device="meta")
    torch.save(state, tmp_path / "meta.pth")
    assert_refused(tmp_path / "meta.pth", r"model1\.0\.bias is", "eccv16")


def test_sparse_tensor_is_refused(shrunk, tmp_path):
    state = torch.load(shrunk["eccv16"])
    state["model1.0.bias"] = torch.ones(64).to_sparse()
    torch.save(state, tmp_path / "sparse.pth")
    assert_refused(tmp_path / "sparse.pth", r"model1\.0\.bias is", "eccv16")


def test_unexpected_tensors_are_refused_with_the_first_few(ours):
    extra = {f"extra{i}": torch.zeros(1) for i in range(5)}
    assert_refused(changed(ours, extra), r"unknown tensors \(5\): extra0, extra1, extra2, …")


def test_number_types_of_other_precision_load(ours):
    bias = torch.linspace(-1, 1, NUM_BINS)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        network = read_network(changed(ours, {KEY: bias.to(dtype)}), "compact")
        torch.testing.assert_close(network.decoder.classify.bias, bias.to(dtype).float())


@pytest.mark.parametrize(
    ("entry", "value", "reason"),
    [
        ("config", None, "not weights of compact"),
        ("config", "{", "config is not JSON"),
        ("config", "[" * 100_000, "config is not JSON"),
        ("config", "[]", "config is not a JSON object"),
        ("config", '{"architecture": "later"}', "holds later, not compact"),
        ("config", '{"architecture": "compact"}', "widths None are not"),
        ("config", '{"architecture": "compact", "widths": [8, 8, 8]}', "are not four"),
        ("config", '{"architecture": "compact", "widths": [8, 8, 8, 1e9]}', "are not four"),
        ("config", '{"architecture": "compact", "widths": [8, 8, 8, 99999]}', "are not four"),
        ("config", '{"architecture": "compact", "widths": [8, 8, 8, 9]}', "has shape"),
        ("class_weights", "[1, 2]", "class_weights: expected 313 positive numbers"),
        ("class_weights", json.dumps([0.0] * NUM_BINS), "class_weights: expected"),
        ("class_weights", "[" + "NaN," * 312 + "1]", "class_weights: expected"),
        ("class_weights", json.dumps([1e-320] * NUM_BINS), "class_weights: expected"),
        ("class_weights", json.dumps([1e300] * NUM_BINS), "class_weights: expected"),
        ("prior", "[1]", "prior: expected 313 shares"),
        ("prior", json.dumps([1.5] * NUM_BINS), "prior: expected"),
        ("prior", "[" + "NaN," * 312 + "1]", "prior: expected"),
        ("temperature", "0", "temperature is 0"),
        ("temperature", '"warm"', "temperature is warm"),
        ("rebalance", "Infinity", "rebalance is inf"),
    ],
)
def test_unsound_header_is_refused(ours, entry, value, reason):
    assert_refused(changed(ours, header={entry: value}), reason)


def test_read_weights_returns_arrays_by_name_and_the_header(ours):
    tensors, header = read_weights(ours, registry.find("compact"))
    assert tensors[KEY].shape == (NUM_BINS,)
    assert json.loads(header["styles"])["vivid"]["temperature"] == 0.4


def test_styles_come_back(tmp_path):
    styles = {"vivid": StyleSettings(0.4, 0.7, 0.1), "faithful": StyleSettings(0.9, 0.1)}
    file = save(seeded_compact(styles=styles), tmp_path / "styled.safetensors")
    assert read_network(file, "compact").metadata.styles == styles


def test_earlier_names_of_decoding_settings_are_read(ours):
    """Files of earlier versions have entries of vivid, and styles with `rarity`."""
    header = {"temperature": "0.3", "rebalance": "0.2", "styles": None}
    styles = read_network(changed(ours, header=header), "compact").metadata.styles
    assert styles == {"vivid": StyleSettings(0.3, 0.2), "faithful": StyleSettings(1.0, 0.0)}
    old = {"vivid": {"temperature": 0.6, "rebalance": 0, "rarity": 0.2, "coherence": 0.5}}
    header = {"styles": json.dumps(old)}
    styles = read_network(changed(ours, header=header), "compact").metadata.styles
    assert styles["vivid"] == StyleSettings(0.6, 0, 0.2, 0.5)


@pytest.mark.parametrize("styles", ["[]", '{"vivid": 1}', '{"loud": {}}', "{"])
def test_unsound_styles_in_a_header_are_refused(ours, styles):
    with pytest.raises(ColorizeError, match=r"bad header: style"):
        read_network(changed(ours, header={"styles": styles}), "compact")
