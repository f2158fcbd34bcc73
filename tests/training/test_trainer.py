"""The training step: what changes, what stays, teachers, precision, reproducibility."""

import dataclasses

import pytest
import torch
from fixtures.training import UNIFORM_PRIOR, WIDTHS, tiny_config, tiny_trainer

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models.compact import Compact
from colorize.models.eccv16 import ECCV16
from colorize.models.serialization import save_compact
from colorize.training import recipes
from colorize.training.class_weights import shift_class_weights
from colorize.training.config import DEFAULTS
from colorize.training.data.batches import StepDataset, TrainBatch, center_crops
from colorize.training.loop import train
from colorize.training.losses import SoftTargets, distillation_loss
from colorize.training.soft_encoding import annealed_mean, rebalancing_weights
from colorize.training.trainer import depthwise_in_float32
from colorize.training.weights_file import DEFAULT_STYLES, make_weights

pytestmark = pytest.mark.usefixtures("no_imagenet")


def first_batches(photos, trainer):
    return StepDataset(photos, trainer.config)[0]


@pytest.fixture
def teacher_file(tmp_path):
    """Return a function that writes a teacher's weights file."""

    def write(seed: int) -> str:
        torch.manual_seed(seed)
        file = tmp_path / f"{seed}.safetensors"
        class_weights = rebalancing_weights(UNIFORM_PRIOR)
        network = Compact((24, 24, 32, 32), class_weights=class_weights, prior=UNIFORM_PRIOR)
        save_compact(network, file)
        return str(file)

    return write


@pytest.mark.slow
def test_training_overfits_a_batch(photos):
    trainer = tiny_trainer(num_samples=600, learning_rate=1e-2)
    crops = center_crops(photos, range(2), 32, 4)
    batch = TrainBatch(crops.lightness, None, crops.lightness, crops.ab, crops.is_color)
    losses = [trainer.step([batch]) for _ in range(150)]
    assert losses[-1] < 0.55 * losses[0]
    with torch.no_grad():  # normalized by the batch's statistics, as in training
        ab = annealed_mean(trainer.network(crops.lightness), 0.5)
    error = (ab - crops.ab).square().mean().sqrt()
    assert error < 0.8 * crops.ab.float().square().mean().sqrt()


def test_distances_are_added_to_the_loss(photos):
    losses = {}
    for weights in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.1, 0.1)):
        trainer = tiny_trainer(distance_weight=weights[0], vivid_distance_weight=weights[1])
        (batch,) = first_batches(photos, trainer)
        losses[weights] = trainer.step([batch])
    plain = losses[0.1, 0.0] - losses[0.0, 0.0]
    vivid = losses[0.0, 0.1] - losses[0.0, 0.0]
    assert min(plain, vivid) > 0.1
    assert losses[0.1, 0.1] - losses[0.0, 0.0] == pytest.approx(plain + vivid, rel=1e-4)


@pytest.mark.slow
def test_a_smaller_network_learns_from_a_teacher(photos, teacher_file):
    student = tiny_trainer(num_samples=400, learning_rate=1e-2, distill_weight=1.0)
    student.objective.add_teacher(teacher_file(5))
    batches = first_batches(photos, student)
    losses = [student.step(batches) for _ in range(40)]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.slow
def test_the_target_is_the_teachers_mean_for_the_clean_photo(photos, teacher_file):
    student = tiny_trainer(distill_weight=1.0, degrade_prob=1.0)
    (batch,) = first_batches(photos, student)
    assert not torch.equal(batch.lightness, batch.clean_lightness)
    logits = []
    for seed in (1, 2):
        student.objective.add_teacher(teacher_file(seed))
        logits.append(student.objective.teachers[-1](batch.clean_lightness))
    student.freeze_bn_stats = True
    prediction = student.network.eval()(batch.lightness).detach()
    targets = SoftTargets(torch.zeros(4, 2, 8, 8))
    expected = distillation_loss(
        prediction, targets, torch.ones(NUM_BINS), batch.is_color, (logits[0] + logits[1]) / 2, 1.0
    )
    assert student.step([batch]) == pytest.approx(expected.item(), rel=1e-3)


def test_a_frozen_encoder_stays(photos):
    trainer = tiny_trainer()
    before = {k: v.clone() for k, v in trainer.network.encoder.state_dict().items()}
    trainer.step(first_batches(photos, trainer))
    for key, value in trainer.network.encoder.state_dict().items():
        assert torch.equal(value, before[key])


def test_the_encoder_is_trained_from_a_block_on(photos):
    trainer = tiny_trainer(encoder_lr_mult=0.5, unfreeze_from=11)
    before = {k: v.clone() for k, v in trainer.network.encoder.named_parameters()}
    trainer.step(first_batches(photos, trainer))
    changed = {
        name
        for name, value in trainer.network.encoder.named_parameters()
        if not torch.equal(value, before[name])
    }
    allowed = ("blocks.11", "blocks.12", "blocks.13", "blocks.14", "blocks.15", "head")
    assert all(name.startswith(allowed) for name in changed)
    assert {"blocks.11.expand.weight", "head.weight"} <= changed


@pytest.mark.parametrize("freeze", [True, False])
def test_freeze_bn_stats_keeps_statistics_but_trains_weights(photos, freeze):
    trainer = tiny_trainer()
    trainer.freeze_bn_stats = freeze
    norm = trainer.network.decoder.norm
    before = norm.running_mean.clone(), norm.weight.clone()
    trainer.step(first_batches(photos, trainer))
    assert torch.equal(norm.running_mean, before[0]) == freeze
    assert not torch.equal(norm.weight, before[1])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_takes_nearly_the_steps_of_full(precision, photos):
    losses = {}
    for name in ("fp32", precision):
        trainer = tiny_trainer(precision=name)
        steps = StepDataset(photos, trainer.config)
        losses[name] = [trainer.step(steps[i]) for i in range(3)]
        assert trainer.scaler.is_enabled() == (name == "fp16")
        assert all(p.dtype == torch.float32 for p in trainer.network.parameters())
    assert losses[precision] == pytest.approx(losses["fp32"], rel=0.02)
    assert losses[precision] != losses["fp32"]


def test_optimizer_of_eccv16_is_the_papers():
    optimizer = tiny_trainer("eccv16").optimizer
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    assert optimizer.param_groups[0]["weight_decay"] == 1e-3


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipes_agree_with_the_networks_metadata(name):
    recipe = recipes.RECIPES[name]
    metadata = recipe.build(DEFAULTS[name]).metadata
    assert (recipe.stride, recipe.takes_hints) == (metadata.output_stride, metadata.takes_hints)


def test_eccv16_keeps_its_bins():
    network = recipes.RECIPES["eccv16"].build(DEFAULTS["eccv16"])
    assert isinstance(network, ECCV16)
    assert not network.model_out.weight.requires_grad
    expected = torch.from_numpy(bin_centers()).T[:, :, None, None] / 110
    torch.testing.assert_close(network.model_out.weight.data, expected)


@pytest.mark.slow
def test_equal_seeds_give_equal_runs(photos, tmp_path):
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        trainer = tiny_trainer(num_samples=8, seed=seed)
        (tmp_path / name).mkdir()
        train(trainer, photos, photos.spaced(1), tmp_path / name, quiet=True)
        weights.append(trainer.network.decoder.classify.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("network", ["compact", pytest.param("eccv16", marks=pytest.mark.slow)])
def test_a_resumed_run_equals_an_uninterrupted_one(network, photos, tmp_path):
    whole, first, second = (tiny_trainer(network, num_samples=16) for _ in range(3))
    steps = StepDataset(photos, whole.config)
    for step in range(4):
        whole.step(steps[step])
    for step in range(2):
        first.step(steps[step])
    first.save(tmp_path / "half.pt")
    second.restore(tmp_path / "half.pt")
    for step in range(2, 4):
        second.step(steps[step])
    assert second.steps_done == 4
    expected = whole.average.module.state_dict()
    for key, value in second.average.module.state_dict().items():
        assert torch.equal(value, expected[key])


@pytest.mark.slow
def test_restore_names_what_is_wrong(tmp_path):
    trainer = tiny_trainer()
    with pytest.raises(ColorizeError, match=r"none\.pt"):
        trainer.restore(tmp_path / "none.pt")
    trainer.save(tmp_path / "compact.pt")
    other = tiny_trainer(widths=(24, 16, 24, 32))
    with pytest.raises(ColorizeError, match="--widths"):
        other.restore(tmp_path / "compact.pt")
    other.config = DEFAULTS["eccv16"]
    with pytest.raises(ColorizeError, match="--network compact"):
        other.restore(tmp_path / "compact.pt")


@pytest.mark.slow
def test_initial_weights_of_a_file_are_loaded(tmp_path):
    first = tiny_trainer(seed=1)
    first.save(tmp_path / "checkpoint.pt")
    file = tmp_path / "initial.safetensors"
    make_weights([tmp_path / "checkpoint.pt"], file, DEFAULT_STYLES)
    second = tiny_trainer(seed=2)
    second.load_initial_weights(str(file))
    expected = first.average.module.state_dict()
    for name, value in second.network.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=2e-3, atol=2e-3)
    with pytest.raises(ColorizeError, match="--widths 16 16 24 32"):
        tiny_trainer(widths=(24, 16, 24, 32)).load_initial_weights(str(file))


@pytest.mark.slow
def test_initial_weights_of_another_encoder_are_rejected(tmp_path):
    tiny_trainer(encoder="vgg16").save(tmp_path / "teacher.pt")
    with pytest.raises(ColorizeError, match="--encoder"):
        tiny_trainer().load_initial_weights(str(tmp_path / "teacher.pt"))


def test_shifted_class_weights_change_the_prediction_as_expected():
    torch.manual_seed(0)
    network = Compact(WIDTHS).eval()
    old, new = torch.rand(NUM_BINS) + 0.1, torch.rand(NUM_BINS) + 0.1
    lightness = 100 * torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        before = network(lightness).softmax(dim=1)
        shift_class_weights(network, old, new)
        after = network(lightness).softmax(dim=1)
    ratio = (new / old).view(1, -1, 1, 1)
    torch.testing.assert_close(after, before * ratio / (before * ratio).sum(dim=1, keepdim=True))


def test_too_few_photos_are_rejected(photos, tmp_path):
    trainer = tiny_trainer()
    trainer.config = dataclasses.replace(tiny_config(), batch_size=40)
    with pytest.raises(ColorizeError, match="--batch-size"):
        train(trainer, photos, photos, tmp_path, quiet=True)


def test_depthwise_convolutions_keep_float32_under_autocast():
    network = Compact((24, 24, 32, 32))
    depthwise_in_float32(network.eval())
    dtypes = {}
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, inputs, output, name=name: dtypes.update({name: output.dtype})
            )
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.full((1, 1, 32, 32), 50.0))
    depthwise = {name for name in dtypes if name.endswith("depthwise")}
    assert len(depthwise) == 16
    assert {name for name, dtype in dtypes.items() if dtype == torch.float32} == depthwise
