"""What the documents say is run: their commands, the README's Python, their links."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from colorize.cli import main, models, vote
from colorize.cli.arguments import parser
from colorize.cli.commands import COMMANDS
from colorize.evaluation import cli as evaluation_cli
from colorize.export import cli as export_cli
from colorize.models import weights_files
from colorize.training import cli as training_cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = DOCUMENTS[0].read_text(encoding="utf-8")
PARSERS = {
    "train": training_cli.parser,
    "evaluate": evaluation_cli.parser,
    "export": export_cli.parser,
    "models": models.parser,
    "vote": vote.parser,
}
ELSEWHERE = (
    "serve", "--watch", "--gpu", "--ray", "clip.mp4", "frames/", "--help", "- -o -", "download",
    "completion", "compare-models", "anna.json",
)  # fmt: skip


def commands(text: str) -> list[str]:
    """Return the commands in a document, those of code blocks and of tables, in order."""
    joined = text.replace("\\\n", " ")
    found = re.findall(r"^    (colorize .*)$|^\|[^|]*\| `(colorize .*?)` \|", joined, re.MULTILINE)
    lines = [block or cell for block, cell in found]
    return [re.split(r"\s#|[<>;|]|&&", line)[0].strip() for line in lines]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_is_understood(document):
    for command in commands(document.read_text(encoding="utf-8")):
        first, *rest = shlex.split(command)[1:]
        if "--help" in rest or first == "--help":
            continue
        try:
            if first in PARSERS:
                PARSERS[first]().parse_args(rest)
            elif first not in COMMANDS:
                parser().parse_args([first, *rest])
        except SystemExit:
            pytest.fail(f"{document.name}: {command}")


@pytest.fixture
def photographs(tmp_path, monkeypatch) -> None:
    """Change to a folder with what the commands of the documents take as inputs."""
    if weights_files.cached_path("compact") is None:
        pytest.skip("no bundled weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    with Image.open(ROOT / "imgs" / "chelsea.jpg") as image:
        small = image.resize((120, 80))
    for name in (
        "photo.jpg", "kodachrome.jpg", "imgs/chelsea.jpg", "scans/a.jpg", "scans/album/b.png",
        "vivid/a.jpg", "faithful/a.jpg",
    ):  # fmt: skip
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        small.save(name)
    Path("hints").mkdir()
    for name in ("hints.txt", "hints/a.txt"):
        Path(name).write_text("60,40,#b08050\n")
    layer = Image.new("RGBA", small.size)
    layer.paste((176, 128, 80, 255), (50, 30, 60, 40))
    layer.save("layer.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "written"),
    [
        ("README.md", ["photo.colorized.jpg", "out/a.jpg", "out/album/b.png", "out/page.html"]),
        ("docs/batches.md", ["out/a.jpg", "scans.jsonl"]),
        ("docs/command.md", []),
        ("docs/control.md", ["photo-layer.png", "maps/a.png", "map.png", "out-4.png"]),
        ("docs/export.md", ["chelsea.png"]),
        ("docs/gallery.md", ["comparisons/a.compare.jpg", "vote.html", "out/page.html"]),
    ],
)
def test_commands_run_in_order(document, written, photographs):
    for command in commands((ROOT / document).read_text(encoding="utf-8")):
        if not any(word in command for word in ELSEWHERE):
            arguments = shlex.split(command)[1:]
            writes = arguments[0] not in COMMANDS
            assert main([*arguments, "--overwrite"] if writes else arguments) == 0, command
    for name in written:
        assert Path(name).is_file()


def test_every_option_of_the_readme_exists():
    helps = "".join(make().format_help() for make in (parser, *PARSERS.values()))
    known = set(re.findall(r"--[a-z-]+", helps))
    documented = set(re.findall(r"`(--[a-z-]+)", README)) | set(
        re.findall(r"(--[a-z-]+)", " ".join(commands(README)))
    )
    assert documented <= known


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_the_python_runs(document, tmp_path, monkeypatch):
    if weights_files.cached_path("compact") is None:
        pytest.skip("no bundled weights")
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").save("photo.jpg")
    space: dict[str, object] = {}
    text = (ROOT / document).read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(block, space)  # the document is ours
    written = ["photo.colorized.jpg", *(["photo.png"] if "photo.png" in text else [])]
    for name in written:
        with Image.open(name) as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
    if "rgb" in space:
        assert (space["colored"].pixels == space["rgb"]).all()


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_document_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for document in DOCUMENTS[1:]:
        assert document.name == "README.md" or f"({document.name}" in index, document.name


def test_readme_is_short():
    assert README.count("\n") <= 120
