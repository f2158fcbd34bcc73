"""The page of before/after sliders: what is in it, and that it is whole or absent."""

import base64
import dataclasses
import html.parser
import io
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.batch import WriteOptions
from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.viewing.gallery import SIGNATURE, Gallery, Thumbnails, relative_names
from colorize.viewing.html_page import MAX_SIDE

NASTY = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&.jpg"


class Page(html.parser.HTMLParser):
    """What a browser finds on a page: elements with their attributes, and the text."""

    def __init__(self, path: Path):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def names(self) -> list[str]:
        return [image["alt"].rsplit(",", 1)[0] for image in self.all("img")[::2]]


def photo(height: int = 30, width: int = 40) -> Photo:
    return Photo(np.linspace(0, 255, height * width).astype(np.uint8).reshape(height, width))


def redden(picture: Photo) -> Photo:
    pixels = np.zeros((*picture.size, 3), picture.pixels.dtype)
    pixels[..., 0] = np.iinfo(picture.pixels.dtype).max
    return dataclasses.replace(picture, pixels=pixels)


def picture_of(attributes: dict[str, str | None]) -> Image.Image:
    kind, content = attributes["src"].split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_page_shows_before_and_after(tmp_path):
    with Gallery.create(tmp_path / "page.html", title="Old & new") as gallery:
        gallery.add("a.jpg", photo(), redden(photo()), note="by <hand>")
    page = Page(tmp_path / "page.html")
    before, after = page.all("img")
    assert (before["alt"], after["alt"]) == ("a.jpg, as it was", "a.jpg, in color")
    assert picture_of(before).mode == "L"
    assert np.asarray(picture_of(after).convert("RGB"))[..., 0].min() > 240
    assert (before["width"], before["height"]) == ("40", "30")
    assert "a.jpg" in page.text and "by <hand>" in page.text and "Old & new" in page.text


def test_page_loads_nothing_external(tmp_path):
    with Gallery.create(tmp_path / "page.html") as gallery:
        gallery.add("a.jpg", photo(), redden(photo()))
    page = Page(tmp_path / "page.html")
    addresses = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "href", "srcset", "action", "data", "poster")
        if name in attributes
    ]
    assert addresses and all(address.startswith("data:") for address in addresses)
    content = (tmp_path / "page.html").read_text()
    assert "http:" not in content and "https:" not in content and "@import" not in content
    (policy,) = (m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_page_escapes_names_and_reasons(tmp_path):
    with Gallery.create(tmp_path / "plain.html") as gallery:
        gallery.add("a.jpg", photo(), photo())
        gallery.add_problem("b.jpg: damaged")
    with Gallery.create(tmp_path / "nasty.html") as gallery:
        gallery.add(NASTY, photo(), photo())
        gallery.add_problem(f"{NASTY}: damaged")
    plain, nasty = Page(tmp_path / "plain.html"), Page(tmp_path / "nasty.html")
    assert [tag for tag, _ in nasty.elements] == [tag for tag, _ in plain.elements]
    assert [list(a) for _, a in nasty.elements] == [list(a) for _, a in plain.elements]
    assert nasty.text.count(NASTY) == 2
    assert nasty.all("img")[0]["alt"] == f"{NASTY}, as it was"


def test_page_accepts_names_that_are_not_utf8(tmp_path):
    with Gallery.create(tmp_path / "page.html") as gallery:
        gallery.add(os.fsdecode(b"caf\xe9.jpg"), photo(), photo())
    assert "caf?.jpg" in Page(tmp_path / "page.html").text


@pytest.mark.parametrize(
    ("size", "shown"), [((3000, 1500), (1280, 640)), ((100, 4000), (32, 1280)), ((9, 7), (9, 7))]
)
def test_thumbnails_have_limited_size(size, shown):
    width, height = size
    pictures = Thumbnails.from_photos(photo(height, width), redden(photo(height, width)))
    assert (pictures.width, pictures.height) == shown
    for content in (pictures.before, pictures.after):
        assert Image.open(io.BytesIO(content)).size == shown
    assert max(shown) <= MAX_SIDE


def test_thumbnails_are_8_bit_on_white():
    alpha = np.zeros((30, 40), np.uint16)
    alpha[:, 20:] = 65535
    deep = Photo(np.full((30, 40), 257 * 60, np.uint16), alpha)
    pictures = Thumbnails.from_photos(deep, redden(deep))
    before = np.asarray(Image.open(io.BytesIO(pictures.before)).convert("L")).astype(int)
    assert before[:, :16].min() > 250
    assert np.abs(before[:, 24:] - 60).max() <= 3


def test_thumbnails_reject_different_sizes():
    with pytest.raises(ColorizeError, match=r"40x30.*20x30"):
        Thumbnails.from_photos(photo(), photo(30, 20))


def test_page_is_complete_or_absent(tmp_path):
    path = tmp_path / "deep" / "page.html"
    with pytest.raises(KeyboardInterrupt), Gallery.create(path) as gallery:
        gallery.add("a.jpg", photo(), photo())
        assert not path.exists()
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    with Gallery.create(path) as gallery:
        gallery.add("a.jpg", photo(), photo())
    first = path.read_bytes()
    assert first.startswith(SIGNATURE) and first.endswith(b"</html>\n")
    with pytest.raises(KeyboardInterrupt), Gallery.create(path):
        raise KeyboardInterrupt
    assert path.read_bytes() == first
    with Gallery.create(path):  # a gallery of an earlier run is replaced
        pass
    assert path.read_bytes() != first


def test_stale_temporary_files_are_removed(tmp_path):
    left = tmp_path / ".page.html.colorize-0123456789ab.tmp"
    left.write_bytes(SIGNATURE)
    with Gallery.create(tmp_path / "page.html"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_other_files_are_not_replaced(tmp_path):
    for name, content in (("photo.jpg", b"\xff\xd8\xff"), ("my.html", b"<!doctype html>\n<p>")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ColorizeError, match=f"{name}: "):
            with Gallery.create(tmp_path / name):
                pass
        assert (tmp_path / name).read_bytes() == content
    with pytest.raises(ColorizeError, match=str(tmp_path)), Gallery.create(tmp_path):
        pass


def test_full_disk_is_one_line():
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb", buffering=0) as full:
        with pytest.raises(ColorizeError, match=r"^page.html: the disk is full$"):
            Gallery(full, "page.html")


def test_memory_does_not_grow_with_page(tmp_path):
    pictures = Thumbnails(os.urandom(150_000), os.urandom(150_000), 1280, 960)
    tracemalloc.start()
    try:
        with Gallery.create(tmp_path / "page.html") as gallery:
            for number in range(200):
                gallery.add_thumbnails(f"{number}.jpg", pictures)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "page.html").stat().st_size > 80e6
    assert peak < 4e6


def test_relative_names_omit_common_folder():
    paths = [Path("/home/somebody/scans/a.jpg"), Path("/home/somebody/scans/old/b.jpg")]
    assert relative_names(paths) == ["a.jpg", os.path.join("old", "b.jpg")]
    assert relative_names(paths[:1]) == ["a.jpg"]
    assert relative_names([]) == []
    assert relative_names([Path("line\nbreak.jpg")]) == [r"'line\nbreak.jpg'"]


# With batches


def save(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).save(path)
    return path


def show(folder: Path, colorize=redden, fail_fast=False, workers=2, **options) -> Page:
    jobs = batch.plan_jobs(batch.find_images([folder / "in"]), folder / "out", True)
    results = batch.run(
        jobs,
        colorize,
        WriteOptions(thumbnails=True, **options),
        fail_fast=fail_fast,
        workers=workers,
    )
    with batch.gallery(folder / "page.html", jobs) as add:
        for result in results:
            add(result)
    return Page(folder / "page.html")


def test_batch_is_shown_in_order_with_failures_at_end(tmp_path):
    names = [f"{number:02}.png" for number in range(12)]
    for name in names:
        save(tmp_path / "in" / name, (4000, 1500) if name == "00.png" else (40, 30))
    (tmp_path / "in" / "05.png").write_text("broken")
    page = show(tmp_path, workers=3)
    assert page.names() == [name for name in names if name != "05.png"]
    assert "Not in color: 1" in page.text
    assert "05.png: is not a picture" in page.text
    for before, after in zip(page.all("img")[::2], page.all("img")[1::2], strict=True):
        assert picture_of(before).mode == "L" and picture_of(after).mode == "RGB"


def test_results_of_earlier_runs_are_shown(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name)
    show(tmp_path)
    (tmp_path / "out/b.png").unlink()
    save(tmp_path / "out/c.png", (50, 30))  # somebody's own
    page = show(tmp_path, existing="keep")
    assert page.names() == ["a.png", "b.png"]


def test_stopped_run_shows_finished_photographs(tmp_path):
    for name in ("a.png", "b.png", "c.png", "d.png", "e.png"):
        save(tmp_path / "in" / name)
    (tmp_path / "in/b.png").write_text("broken")
    page = show(tmp_path, fail_fast=True, workers=1)
    assert "a.png" in page.names() and len(page.names()) < 4
    assert "b.png" in page.text


def test_multi_page_file_is_shown_by_first_page(tmp_path):
    (tmp_path / "in").mkdir()
    first, second = (Image.new("L", (20, 10), gray) for gray in (10, 200))
    first.save(tmp_path / "in/a.tif", save_all=True, append_images=[second])
    page = show(tmp_path)
    assert page.names() == ["a.tif"]
    assert np.asarray(picture_of(page.all("img")[0])).max() < 20


def test_samples_are_shown_with_their_number(tmp_path):
    source = save(tmp_path / "in/a.png")
    jobs = batch.plan_jobs(batch.find_images([source]), tmp_path / "out", True, samples=2)
    results = batch.run(
        jobs, redden, WriteOptions(thumbnails=True), render=lambda job, photo: redden(photo)
    )
    with batch.gallery(tmp_path / "page.html", jobs) as add:
        for result in results:
            add(result)
    page = Page(tmp_path / "page.html")
    assert page.names() == ["a.png", "a.png"]
    assert page.text.index("sample 1") < page.text.index("sample 2")


@pytest.fixture
def command(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["--weights", weights, "--size", "64", *arguments])
        return status, capsys.readouterr().err

    return run


def test_command_writes_page_for_folder_and_file(command):
    save(Path("in/a.jpg"))
    save(Path("in/sub/b.png"))
    assert command("-i", "in", "-o", "out", "--gallery", "out/page.html")[0] == 0
    assert Page(Path("out/page.html")).names() == ["a.jpg", os.path.join("sub", "b.png")]
    assert command("-i", "in/a.jpg", "-o", "a.png", "--gallery", "one.html")[0] == 0
    assert Page(Path("one.html")).names() == ["a.jpg"]


def test_manifest_rerun_writes_complete_page(command):
    save(Path("in/a.png"))
    save(Path("in/b.png"))
    arguments = ["-i", "in", "-o", "out", "--manifest", "m.jsonl", "--gallery", "page.html"]
    command(*arguments)
    first = Path("page.html").read_bytes()
    status, stderr = command(*arguments)
    assert status == 0 and "2 outputs are up to date" in stderr
    assert Path("page.html").read_bytes() == first


def test_page_is_neither_input_nor_output(command):
    save(Path("in/a.png"))
    before = Path("in/a.png").read_bytes()
    status, stderr = command("-i", "in", "-o", "out", "--gallery", "in/a.png")
    assert status == 1 and "in/a.png: " in stderr
    assert Path("in/a.png").read_bytes() == before
    status, stderr = command("-i", "in", "-o", "out", "--gallery", "out/a.png")
    assert status == 1 and "would replace" in stderr


def test_dry_run_writes_no_page(command):
    save(Path("in/a.png"))
    command("-i", "in", "-o", "out", "--gallery", "page.html", "--dry-run")
    assert not Path("page.html").exists()


@pytest.mark.parametrize(
    "given",
    [
        ["-i", "-", "--gallery", "page.html"],
        ["-i", "a.png", "--gallery", ""],
        ["-i", "a.png", "--gallery", "same", "--failure-log", "same"],
    ],
)
def test_command_rejects_wrong_usage(given, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_page_links_to_files_next_to_it_only(tmp_path):
    photo = Photo(np.zeros((4, 6), np.uint8))
    page = tmp_path / "out" / "page.html"
    with Gallery.create(page) as gallery:
        gallery.add(
            "a", photo, photo, files=(tmp_path / "in.jpg", tmp_path / "out" / "s" / "ä b#.jpg")
        )
        gallery.add("b", photo, photo, files=(tmp_path / "in.jpg", tmp_path / "out.jpg"))
    links = re.findall(r'href="(\./[^"]*)">([^<]*)<', page.read_text("utf-8"))
    assert links == [("./s/%C3%A4%20b%23.jpg", "in color")]
