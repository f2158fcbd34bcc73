"""Settings: the recipes, options and their former names, invalid values."""

import dataclasses

import numpy as np
import pytest
import torch

from colorize.errors import ColorizeError
from colorize.training.cli import config_from_args, parser
from colorize.training.config import DEFAULTS, TRAINABLE, TrainConfig, config_from_dict
from colorize.training.recipes import RECIPES
from colorize.training.trainer import resolve_dtype


def parse(options: str) -> TrainConfig:
    return config_from_args(parser().parse_args(["photos", "--out", "run", *options.split()]))


def test_trainable_networks_of_the_registry_have_a_recipe():
    assert tuple(RECIPES) == tuple(DEFAULTS) == TRAINABLE
    with pytest.raises(ColorizeError, match="--network ddcolor: choose from compact"):
        TrainConfig(network="ddcolor")


def test_recipe_of_eccv16_is_the_papers():
    config = parse("--network eccv16")
    assert (config.crop_size, config.load_size, config.batch_size) == (176, 256, 40)
    assert (config.beta2, config.weight_decay, config.num_steps) == (0.99, 1e-3, 450_000)
    rates = [config.learning_rate_at(step) for step in (0, 199_999, 200_000, 375_000, 449_999)]
    assert rates == pytest.approx([3e-5, 3e-5, 1e-5, 3e-6, 3e-6])


def test_former_option_names_have_the_same_meaning():
    former = parse(
        "--samples 72000 --batch 8 --crop 128 --load 160 --warm-up 100 --average 0.998 "
        "--encoder-rate 0.15 --encoder-from 5 --sharpened 0.3 --degraded 0.35 --filmed 0.3 "
        "--uniform-share 0.1 --taught 0.5 --resized 0.9 --accumulate 2 --hinted 0"
    )
    assert former == parse(
        "--num-samples 72000 --batch-size 8 --crop-size 128 --load-size 160 --warmup-steps 100 "
        "--ema-decay 0.998 --encoder-lr-mult 0.15 --unfreeze-from 5 --sharpen-prob 0.3 "
        "--degrade-prob 0.35 --spectral-prob 0.3 --rebalance-lambda 0.1 --distill-weight 0.5 "
        "--random-resized-crop-prob 0.9 --grad-accum-steps 2 --hint-prob 0"
    )
    assert former.num_steps == 4500
    assert former.ema_decay == 0.998
    args = parser().parse_args(
        "x --out y --resident --packed z --keep-statistics --crop-workers 3".split()
    )
    assert (args.data_on_device, str(args.memmap)) == (True, "z")
    assert (args.freeze_bn_stats, args.loader_workers) == (True, 3)
    args = parser().parse_args(["x", "--out", "y"])
    assert (args.data_on_device, args.memmap, args.loader_workers) == (False, None, 0)


def test_removed_options_are_ignored_with_a_note(capsys):
    assert parse("--with-statistics 0.1 --zoomed 0.4 --draws photograph") == TrainConfig()
    assert capsys.readouterr().err.count("ignored") == 3


def test_help_shows_no_former_names():
    text = parser().format_help()
    assert "--num-samples" in text
    assert "--samples " not in text
    assert "--resident" not in text


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"schedule": "linear"}, "--schedule linear"),
        ({"network": "resnet"}, "--network resnet"),
        ({"degrade_prob": 2.0}, "--degrade-prob 2"),
        ({"grad_accum_steps": 0}, "--grad-accum-steps"),
        ({"hint_prob": 0.5}, "--hint-prob 0.5"),
        ({"network": "eccv16", "distill_weight": 0.5}, "--distill-weight"),
        ({"network": "eccv16", "distance_weight": 0.1}, "--distance-weight"),
        ({"network": "siggraph17", "vivid_distance_weight": 0.1}, "--vivid-distance-weight"),
        ({"network": "eccv16", "input_autocontrast": 0.5}, "--input-autocontrast"),
        ({"network": "eccv16", "random_resized_crop_prob": 0.0, "whole_photo_prob": 0.0,
          "load_size": 64}, "--load-size 64"),
    ],
)  # fmt: skip
def test_invalid_settings_are_rejected(changes, option):
    with pytest.raises(ColorizeError, match=option):
        TrainConfig(**changes)


def test_config_survives_a_checkpoint():
    for config in DEFAULTS.values():
        assert config_from_dict(dataclasses.asdict(config)) == config


def test_config_of_the_version_before_is_read():
    former = {
        "network": "compact", "samples": 800, "batch": 8, "accumulate": 2, "processes": 2,
        "warm_up": 5, "uniform_share": 0.1, "hinted": 0.2, "with_statistics": 0.1,
        "widths": [16, 16, 24, 32], "draws": "step", "encoder_rate": 0.1,
    }  # fmt: skip
    assert config_from_dict(former) == TrainConfig(
        num_samples=800, batch_size=8, grad_accum_steps=2, world_size=2, warmup_steps=5,
        rebalance_lambda=0.1, widths=(16, 16, 24, 32), encoder_lr_mult=0.1,
    )  # fmt: skip


def test_schedules():
    rates = {
        name: [
            TrainConfig(num_samples=3200, warmup_steps=0, schedule=name).learning_rate_at(step)
            for step in (0, 50, 99)
        ]
        for name in ("cosine", "constant", "steps")
    }
    assert rates["constant"] == [2e-3] * 3
    assert rates["cosine"] == pytest.approx([2e-3, 1e-3, 4.93e-7], rel=1e-2)
    assert rates["steps"] == pytest.approx([2e-3, 2e-3 / 3, 2e-4])


def test_learning_rate_warms_up_and_decays_to_zero():
    config = TrainConfig(num_samples=3200, batch_size=32, warmup_steps=10)
    rates = [config.learning_rate_at(step) for step in range(100)]
    assert np.argmax(rates) == 9
    assert rates[0] == pytest.approx(config.learning_rate / 10, rel=0.01)
    assert rates[-1] < 0.01 * config.learning_rate


@pytest.mark.parametrize("fast", [True, False])
def test_auto_precision_is_bfloat16_only_where_it_is_fast(fast, monkeypatch):
    monkeypatch.setattr("colorize.training.trainer.cpu_supports_bf16", lambda: fast)
    cpu = torch.device("cpu")
    assert resolve_dtype("auto", cpu) == (torch.bfloat16 if fast else torch.float32)
    assert resolve_dtype("bf16", cpu) == torch.bfloat16
    assert resolve_dtype("auto", torch.device("mps")) == torch.float32
