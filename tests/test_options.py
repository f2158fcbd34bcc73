"""The settings: checks, changes, and what derives from them."""

import argparse
import dataclasses
import hashlib
import subprocess
import sys
from dataclasses import make_dataclass

import numpy as np
import pytest

from colorize.command_parser import add_arguments, from_arguments
from colorize.errors import ColorizeError
from colorize.models.metadata import NATURAL, ModelMetadata, StyleSettings
from colorize.option_fields import option, options_of, supported_options
from colorize.options import ColorizeOptions, OutputOptions, VideoOptions
from colorize.video.formats import CODECS

VIVID = StyleSettings(0.4, 0.7, rare_color_boost=0.1, coherence=0.6)
GROUPS = (ColorizeOptions, OutputOptions, VideoOptions)


def named(group, name):
    return next(each for each in options_of(group) if each.name == name)


def parse(group, *arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, group)
    return from_arguments(group, parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, "temperature 0: must be a number from 0.01 to 10"),
        ({"temperature": float("nan")}, "temperature nan: "),
        ({"temperature": "1"}, "temperature 1: "),
        ({"rebalance": 1.5}, "rebalance 1.5: must be a number from 0 to 1"),
        ({"rare_color_boost": -0.1}, "rare_color_boost -0.1: "),
        ({"coherence": True}, "coherence True: "),
        ({"saturation": None}, "saturation None: must be a number from 0 to 3"),
        ({"size": 4096}, "size 4096: must be a whole number from 8 to 2048"),
        ({"size": 64.5}, "size 64.5: "),
        ({"style": "loud"}, "style loud: must be vivid or faithful"),
        ({"upsampling": "nearest"}, "upsampling nearest: must be guided or bilinear"),
        ({"autocontrast": 1}, "autocontrast 1: must be true or false"),
        ({"sample": 0}, "sample 0: must be a whole number from 1 to 1000"),
        ({"seed": -1}, "seed -1: "),
    ],
)
def test_values_out_of_range_are_rejected(settings, message):
    with pytest.raises(ColorizeError, match=f"^{message}"):
        ColorizeOptions(**settings)
    with pytest.raises(ColorizeError, match=f"^{message}"):
        ColorizeOptions().replace(**settings)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (".5", 0.5), ("1:30", 90), ("0:01:30.5", 90.5), ("1:02:03.1", 3723.1)],
)
def test_times_are_seconds_or_parts_of_hours(text, seconds):
    assert parse(VideoOptions, "--start", text, "-t", text) == VideoOptions(
        start=seconds, duration=seconds
    )


@pytest.mark.parametrize("text", ["", ".", "1:75", "1:755", "90:00", "1:2:3:4", "inf", "1e3", "-1"])
def test_other_times_are_wrong_usage(text, capsys):
    with pytest.raises(SystemExit):
        parse(VideoOptions, f"--start={text}")
    assert "--start: must be a time" in capsys.readouterr().err
    with pytest.raises(ColorizeError, match="start inf: must be a time"):
        VideoOptions(start=float("inf"))


def test_replace_keeps_the_other_settings():
    options = ColorizeOptions(style="faithful", saturation=0.5).replace(size=64)
    assert options == ColorizeOptions(style="faithful", saturation=0.5, size=64)
    with pytest.raises(TypeError):
        options.replace(sise=64)


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_is_described(group):
    for each in options_of(group):
        assert each.help
        assert each.consumers
        assert each.default is None or each.description.endswith(")") or each.type is bool


def test_choices_are_those_of_the_modules_that_use_them():
    assert named(VideoOptions, "codec").choices == tuple(CODECS)


def test_arguments_set_the_options():
    assert parse(ColorizeOptions) == ColorizeOptions()
    options = parse(ColorizeOptions, "--rare-color-boost", "0.2", "--autocontrast", "--size", "64")
    assert options == ColorizeOptions(rare_color_boost=0.2, autocontrast=True, size=64)
    assert parse(OutputOptions, "--max-pixels", "9").max_pixels == 9


def test_former_names_are_accepted_but_not_shown():
    assert parse(ColorizeOptions, "--rarity", "0.2").rare_color_boost == 0.2
    parser = argparse.ArgumentParser()
    add_arguments(parser, ColorizeOptions)
    assert "--rarity" not in parser.format_help()


@pytest.mark.parametrize("argument", ["--size=0", "--size=x", "--temperature=nan", "--style=loud"])
def test_arguments_out_of_range_are_wrong_usage(argument, capsys):
    with pytest.raises(SystemExit):
        parse(ColorizeOptions, argument)
    assert "must be" in capsys.readouterr().err


def test_each_consumer_offers_its_options():
    parser = argparse.ArgumentParser()
    add_arguments(parser, ColorizeOptions, "evaluation")
    names = vars(parser.parse_args([])).keys()
    assert {"size", "style"} <= names and not {"hints", "reference", "sample", "seed"} & names


def test_fingerprint_has_what_outputs_depend_on(tmp_path):
    assert ColorizeOptions().fingerprint() == {}
    hints = tmp_path / "hints.txt"
    hints.write_text("1,1,#ff0000")
    options = ColorizeOptions(saturation=0.5, hints=str(hints))
    digest = hashlib.sha256(hints.read_bytes()).hexdigest()
    assert options.fingerprint() == {"saturation": 0.5, "hints": digest}
    assert OutputOptions(max_pixels=5, quality=80).fingerprint() == {"quality": 80}
    with pytest.raises(ColorizeError, match=r"none\.txt"):
        options.replace(hints=tmp_path / "none.txt").fingerprint()


def network(output="logits", **changes) -> ModelMetadata:
    bins = {"bin_centers": np.zeros((2, 2)), "class_weights": np.ones(2), "prior": np.ones(2)}
    values = bins | {"styles": {"vivid": VIVID}} | changes
    return ModelMetadata("tiny", output, 8, 4, **values)


def test_samples_have_no_certain_color_boost():
    options = ColorizeOptions(certain_color_boost=0.4)
    assert options.resolve_style(network()).certain_color_boost == 0.4
    sample = dataclasses.replace(options, sample=1)
    assert sample.resolve_style(network()).certain_color_boost == 0


def test_networks_support_what_they_have_the_data_for():
    everything = options_of(ColorizeOptions)
    assert supported_options(network(), everything) == everything
    plain, colors = network(class_weights=None, prior=None), network("ab")
    missing = {each.name for each in everything if each.missing(plain)}
    assert missing == {"rebalance", "rare_color_boost"}
    supported = {each.name for each in supported_options(colors, everything)}
    alike = {each.name for each in everything if each.needs is None}
    assert alike >= {"size", "saturation", "warmth", "neutral", "upsampling", "hints"}
    assert supported == alike | {"hint_scope"}
    sees_hints = network("ab", takes_hints=True)
    assert {each.name for each in supported_options(sees_hints, everything)} == alike
    ColorizeOptions(saturation=2).require_support(colors)
    with pytest.raises(ColorizeError, match=r"^style: .* distribution"):
        ColorizeOptions(style="vivid").require_support(colors)
    with pytest.raises(ColorizeError, match=r"^rebalance: .* weighted"):
        ColorizeOptions(rebalance=1).require_support(plain)


def test_styles_are_presets():
    assert ColorizeOptions().resolve_style(network()) == VIVID
    assert ColorizeOptions(style="vivid").resolve_style(network()) == VIVID
    assert ColorizeOptions(style="faithful").resolve_style(network()) == NATURAL
    options = ColorizeOptions(style="faithful", rebalance=0.3, coherence=0.0)
    assert options.resolve_style(network()) == dataclasses.replace(NATURAL, rebalance=0.3)
    assert ColorizeOptions().resolve_style(network("ab")) is None
    with pytest.raises(ColorizeError, match=r"^style faithful: "):
        ColorizeOptions(style="faithful").resolve_style(network(class_weights=None))


def test_size_is_a_multiple_of_the_networks_divisor():
    assert ColorizeOptions(size=72).resolve_style(network()) == VIVID
    with pytest.raises(ColorizeError, match=r"^size 100: .* multiple of 8"):
        ColorizeOptions(size=100).resolve_style(network())


def test_json_schema_holds_type_range_and_default():
    schema = named(ColorizeOptions, "temperature").json_schema
    assert schema == {"type": "number", "minimum": 0.01, "maximum": 10}
    assert named(ColorizeOptions, "upsampling").json_schema == {
        "type": "string",
        "enum": ["guided", "bilinear"],
        "default": "guided",
    }


def test_a_new_option_derives_everything():
    glow = option(1.0, "strength of the glow", minimum=0, maximum=2)
    wide = make_dataclass("Wide", [("glow", float, glow)], bases=(ColorizeOptions,), frozen=True)
    assert parse(wide, "--glow", "1.5").fingerprint() == {"glow": 1.5}
    assert named(wide, "glow").description == "strength of the glow (0 to 2; default: 1.0)"
    assert dataclasses.replace(wide(), glow=2) == wide().replace(glow=2)
    with pytest.raises(ColorizeError, match="glow 3: "):
        wide(glow=3)


def test_importing_the_options_is_quick():
    code = "import sys, colorize.options; print({'torch', 'numpy', 'PIL'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stderr
