"""Inputs without -i, sub-commands, suggestions, and what is made from the parser."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import colorize
from colorize.__main__ import run
from colorize.cli import arguments, compare_models, main
from colorize.cli.arguments import parser
from colorize.cli.commands import COMMANDS
from colorize.cli.man import man_page
from colorize.evaluation import cli as evaluation_cli
from colorize.export import cli as export_cli
from colorize.training import cli as training_cli
from colorize.training import weights_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "inputs"),
    [
        (["a.jpg"], ["a.jpg"]),
        (["a.jpg", "b.jpg", "-o", "out/"], ["a.jpg", "b.jpg"]),
        (["-o", "out/", "a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["a.jpg", "--style", "faithful", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["-i", "a.jpg", "-o", "out/", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["-o", "out/", "--", "-a.jpg"], ["-a.jpg"]),
        (["-", "-o", "-"], ["-"]),
    ],
    ids=" ".join,
)
def test_positional_paths_are_inputs(words, inputs):
    assert parser().parse_args(words).input == inputs


def test_option_without_its_value_leaves_the_input_to_the_command(folder):
    Path("photo.jpg").touch()
    args = parser().parse_args(["--compare", "photo.jpg"])
    assert (args.compare, args.input) == ("side-by-side", ["photo.jpg"])
    args = parser().parse_args(["--compare", "side", "photo.jpg"])  # the former name
    assert (args.compare, args.input) == ("side-by-side", ["photo.jpg"])
    args = parser().parse_args(["--suffix", "-edited", "photo.jpg"])
    assert (args.suffix, args.input) == ("-edited", ["photo.jpg"])
    args = parser().parse_args(["--compare", "split", "photo.jpg"])
    assert (args.compare, args.input) == ("split", ["photo.jpg"])
    args = parser().parse_args(["--ray", "photo.jpg"])
    assert (args.ray, args.input) == ("local", ["photo.jpg"])
    args = parser().parse_args(["--ray", "head:6379", "photo.jpg"])
    assert (args.ray, args.input) == ("head:6379", ["photo.jpg"])


def test_photograph_and_folder_need_no_option(folder, weights):
    Path("scans").mkdir()
    for name in ("photo.jpg", "scans/a.jpg"):
        Image.linear_gradient("L").resize((40, 30)).save(name)
    options = ["--weights", weights, "--size", "64"]
    assert main(["photo.jpg", *options]) == 0
    assert Path("photo.colorized.jpg").exists()
    assert main(["scans/", "-o", "out/", *options]) == 0
    assert Path("out/a.jpg").exists()


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["a.jpg", "--stile", "vivid"], "--style"),
        (["a.jpg", "--over-write"], "--overwrite"),
        (["sevre"], "colorize serve"),
        (["modles", "list"], "colorize models"),
        (["models", "--versoin"], "--version"),
        (["serve", "--prot", "80"], "--port"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else words,
)
def test_mistyped_word_gets_the_nearest_one(folder, words, suggestion, capsys):
    with pytest.raises(SystemExit) as exit:
        main(words)
    assert exit.value.code == 2
    assert f"did you mean {suggestion}?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["--frobnicate", "holiday.jpg"])
def test_word_like_no_other_gets_no_suggestion(folder, word, capsys):
    try:
        main(["a.jpg", word])
    except SystemExit:
        pass
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_sub_command_has_help_under_its_own_name(command, capsys):
    pytest.importorskip("starlette")
    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    assert exit.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: colorize {command} ")


@pytest.mark.parametrize("words", [["-V"], ["--version"], ["serve", "-V"], ["models", "-V"]])
def test_version_is_printed(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert capsys.readouterr().out == f"colorize {colorize.__version__}\n"


def test_module_and_second_script_are_the_command():
    run = subprocess.run([sys.executable, "-m", "colorize", "-V"], capture_output=True, text=True)
    assert run.stdout == f"colorize {colorize.__version__}\n"
    scripts = {s.name: s.value for s in metadata.entry_points(group="console_scripts")}
    assert scripts["colorize-photos"] == scripts["colorize"]


def test_every_command_has_a_main():
    for command in COMMANDS.values():
        assert callable(import_module(command.module).main)


def test_manual_page_lists_every_option_and_command(capsys):
    assert main(["man"]) == 0
    page = capsys.readouterr().out
    assert page.strip() == man_page(parser()).strip()
    plain = page.replace("\\-", "-")
    for action in parser()._actions:
        if action.help != "==SUPPRESS==":
            assert all(f"\\fB{flag}\\fR" in plain for flag in action.option_strings)
    assert all(f".B {name}\n" in page for name in COMMANDS)


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_manual_page_is_rendered_without_warnings(tmp_path):
    (tmp_path / "colorize.1").write_text(man_page(parser()) + "\n", encoding="utf-8")
    command = ["man", "--warnings", "-l", str(tmp_path / "colorize.1")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "--style" in done.stdout
    assert not done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_options_commands_and_files(folder, capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    Path("completion.bash").write_text(capsys.readouterr().out)
    Path("photo.jpg").touch()

    def complete(*words: str) -> set[str]:
        script = (
            "source completion.bash; "
            f"COMP_WORDS=(colorize {' '.join(map(repr, words))}); COMP_CWORD={len(words)}; "
            '_shtab_colorize; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        return set(done.stdout.split())

    assert "--style" in complete("photo.jpg", "--sty")
    assert complete("ser") == {"serve"}
    assert complete("pho") == {"photo.jpg"}
    assert "faithful" in complete("--style", "fai")


def test_doctor_reports_versions_devices_weights_and_a_timed_run(capsys):
    assert main(["doctor"]) == 0
    report = capsys.readouterr().out
    for word in ("onnxruntime", "cache folder", "weights of compact", "colorized in"):
        assert word in report


def options_of_several_values(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from options_of_several_values(choice)
        elif action.option_strings and action.nargs in ("+", "*"):
            yield action


@pytest.mark.parametrize(
    "parser",
    [arguments.parser, compare_models.parser, evaluation_cli.parser, export_cli.parser,
     training_cli.parser, weights_file.parser],
    ids=lambda parser: parser.__module__,
)  # fmt: skip
def test_options_of_several_values_may_be_repeated(
    parser: Callable[[], argparse.ArgumentParser],
) -> None:
    for action in options_of_several_values(parser()):
        assert isinstance(action, argparse._ExtendAction), action.option_strings


def test_interruption_while_the_command_is_imported_is_one_line(monkeypatch, capsys):
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "colorize.cli", Interrupted("colorize.cli"))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 130
    assert capsys.readouterr().err.count("\n") == 1
