"""From checkpoints to weights files."""

import json

import pytest
import torch
from fixtures.training import UNIFORM_PRIOR, tiny_config, tiny_trainer

from colorize.color.quantization import NUM_BINS
from colorize.models import registry
from colorize.models.compact import Compact
from colorize.models.metadata import StyleSettings
from colorize.models.serialization import read_weights
from colorize.training import weights_file
from colorize.training.soft_encoding import rebalancing_weights
from colorize.training.trainer import Trainer
from colorize.training.weights_file import DEFAULT_STYLES

pytestmark = pytest.mark.usefixtures("no_imagenet")


def test_weights_file_holds_average_and_decoding_defaults(tmp_path, capsys):
    trainer = tiny_trainer()
    checkpoint, target = tmp_path / "checkpoint.pt", tmp_path / "compact.safetensors"
    trainer.save(checkpoint)
    command = [str(checkpoint), "-o", str(target), "--temperature", "0.6", "--rebalance", "0.4",
               "--coherence", "0.3", "--rare-color-boost", "0.2",
               "--certain-color-boost", "0.1"]  # fmt: skip
    assert weights_file.main(command) == 0
    network = registry.load("compact", target)
    assert isinstance(network, Compact)
    assert network.metadata.styles == {
        "vivid": StyleSettings(0.6, 0.4, 0.2, 0.3, 0.1),
        "faithful": StyleSettings(0.9, 0.0, 0.003, 0.3, 0.1),
    }
    expected = rebalancing_weights(UNIFORM_PRIOR)
    class_weights = torch.from_numpy(network.metadata.class_weights)
    torch.testing.assert_close(class_weights, expected, rtol=1e-4, atol=1e-6)
    average = trainer.average.module.decoder.classify.weight
    assert torch.equal(network.decoder.classify.weight, average.half().float())
    assert weights_file.main([*command, "--faithful", "0", "0"]) == 1
    assert "temperature" in capsys.readouterr().err


def test_stretch_of_the_input_is_that_of_the_training_or_as_given(tmp_path, capsys):
    checkpoint, target = tmp_path / "checkpoint.pt", tmp_path / "compact.safetensors"
    tiny_trainer(input_autocontrast=0.5).save(checkpoint)
    command = [str(checkpoint), "-o", str(target)]
    assert weights_file.main(command) == 0
    assert registry.load("compact", target).metadata.input_autocontrast == 0.5
    assert weights_file.main([str(target), "-o", str(target), "--input-autocontrast", "1"]) == 0
    assert registry.load("compact", target).metadata.input_autocontrast == 1
    assert weights_file.main([*command, "--input-autocontrast", "2"]) == 1
    assert "input_autocontrast outside 0 to 1" in capsys.readouterr().err


def test_what_is_not_a_checkpoint_is_refused(tmp_path, capsys):
    file, other = tmp_path / "checkpoint.pt", tmp_path / "other.pt"
    tiny_trainer().save(file)
    torch.save({"network": {}}, other)
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"no checkpoint", other.read_bytes()):
        file.write_bytes(damaged)
        assert weights_file.main([str(file), "-o", str(tmp_path / "x.safetensors")]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"{file}: " in said and "not a checkpoint" in said


@pytest.mark.slow
def test_several_checkpoints_give_the_mean_of_their_weights(tmp_path):
    prior = torch.linspace(1, 3, NUM_BINS) / torch.linspace(1, 3, NUM_BINS).sum()
    lambdas, states, class_weights = (0.5, 0.1), [], []
    for seed, value in enumerate(lambdas):
        trainer = Trainer(tiny_config(seed=seed, rebalance_lambda=value), prior)
        trainer.save(tmp_path / f"{seed}.pt")
        states.append(trainer.average.module.state_dict())
        class_weights.append(rebalancing_weights(prior, value))
    target = tmp_path / "mean.safetensors"
    files = [str(tmp_path / "0.pt"), str(tmp_path / "1.pt")]
    assert weights_file.main([*files, "-o", str(target)]) == 0
    network = registry.load("compact", target)
    found = torch.from_numpy(network.metadata.class_weights)
    torch.testing.assert_close(found, class_weights[0])
    for name, value in network.state_dict().items():
        expected = (states[0][name].float() + states[1][name].float()) / 2
        if name == "decoder.classify.bias":  # as if both had the first's class weights
            expected += (class_weights[0] / class_weights[1]).log() / 2
        torch.testing.assert_close(value.float(), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.slow
def test_weights_files_are_mixed_by_weight(tmp_path, capsys):
    files = []
    for seed in range(2):
        tiny_trainer(seed=seed).save(tmp_path / f"{seed}.pt")
        files.append(tmp_path / f"{seed}.safetensors")
        weights_file.make_weights([tmp_path / f"{seed}.pt"], files[-1], DEFAULT_STYLES)
    target = tmp_path / "mean.safetensors"
    command = [str(tmp_path / "0.pt"), str(files[1]), "-o", str(target)]
    assert weights_file.main([*command, "--mixing-weights", "3", "1"]) == 0
    first, second = (registry.load("compact", file).state_dict() for file in files)
    for name, value in registry.load("compact", target).state_dict().items():
        expected = 0.75 * first[name].float() + 0.25 * second[name].float()
        torch.testing.assert_close(value.float(), expected, rtol=2e-3, atol=2e-3)
    _, header = read_weights(target, registry.find("compact"))
    assert [run["seed"] for run in json.loads(header["training"])] == [0, 1]
    for weights in (["1"], ["1", "0"]):
        assert weights_file.main([*command, "--shares", *weights]) == 1  # the former name
        assert "--mixing-weights" in capsys.readouterr().err


@pytest.mark.slow
def test_files_that_do_not_fit_together_are_rejected(tmp_path, capsys):
    tiny_trainer().save(tmp_path / "small.pt")
    tiny_trainer(widths=(24, 16, 24, 32)).save(tmp_path / "wide.pt")
    torch.save({"config": {"network": "eccv16"}}, tmp_path / "eccv16.pt")
    target = tmp_path / "x.safetensors"
    for first, second in (("small", "wide"), ("small", "eccv16"), ("eccv16", "small")):
        files = [str(tmp_path / f"{name}.pt") for name in (first, second)]
        assert weights_file.main([*files, "-o", str(target)]) == 1
        assert "make_weights: " in capsys.readouterr().err
        assert not target.exists()


@pytest.mark.slow
def test_a_teacher_with_another_encoder_is_rejected(tmp_path, capsys):
    tiny_trainer(encoder="vgg16").save(tmp_path / "teacher.pt")
    assert weights_file.main([str(tmp_path / "teacher.pt"), "-o", str(tmp_path / "x")]) == 1
    assert "vgg16" in capsys.readouterr().err


@pytest.mark.slow
def test_checkpoint_of_the_version_before_is_read(tmp_path):
    trainer = tiny_trainer(rebalance_lambda=0.1)
    trainer.save(tmp_path / "new.pt")
    state = torch.load(tmp_path / "new.pt", weights_only=True)
    state["settings"] = {"widths": trainer.config.widths, "uniform_share": 0.1, "hinted": 0.2}
    state["updates"] = state.pop("num_updates")
    del state["config"], state["scaler"]
    torch.save(state, tmp_path / "former.pt")
    for name in ("new", "former"):
        target = tmp_path / f"{name}.safetensors"
        assert weights_file.main([str(tmp_path / f"{name}.pt"), "-o", str(target)]) == 0
    new, former = (
        registry.load("compact", tmp_path / f"{n}.safetensors") for n in ("new", "former")
    )
    assert (new.metadata.class_weights == former.metadata.class_weights).all()
    for key, value in new.state_dict().items():
        assert torch.equal(value, former.state_dict()[key])
