"""The page in a real browser: upload, slider, colors put on the photograph, versions, download."""

import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("uvicorn", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("python_multipart", reason="pip install 'colorize-photos[serve]'")
from fixtures.server import running

from colorize.color import lab
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner
from colorize.server.app import make_app
from colorize.server.limits import Limits

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs a browser: pip install playwright, and Chromium"
)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"viewport": {"width": 1200, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
LIMITS = Limits(max_bytes=2_000_000, max_pixels=3_000_000)
WIDTH, HEIGHT = 400, 240
LARGE = 5  # times as large is more than the page looks at
PIXEL = """([selector, x, y]) => {
  const image = document.querySelector(selector);
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const place = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
  return [...context.getImageData(...place, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
    if path is None:
        pytest.skip("needs a browser: no Chromium on this machine")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def address(network):
    with running(make_app(Colorizer(TorchRunner(network)), "tiny", LIMITS)) as server:
        yield f"http://127.0.0.1:{server.port}/"


def soft_gray(width: int, height: int, format: str = "PNG") -> bytes:
    """Return a soft gray photograph as a file."""
    noise = np.random.default_rng(0).integers(70, 190, (6, 10), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(file, format)
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph() -> bytes:
    return soft_gray(WIDTH, HEIGHT)


@contextmanager
def opened(browser, address, settings=DESKTOP) -> Iterator:
    """Give the page; afterward nothing outside was asked for, and nothing went wrong."""
    context = browser.new_context(**settings)
    asked, wrong = [], []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(address)
    page.wait_for_selector("#limits:not(:empty)")
    yield page
    context.close()
    outside = [url for url in asked if not re.match(rf"{address}|blob:{address}", url)]
    assert outside == []
    assert [text for text in wrong if "status of 4" not in text] == []  # of tests of failures


def upload(page, content: bytes, name: str = "old photo.png", kind: str = "image/png") -> None:
    """Choose a photograph and wait until it is in color."""
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    page.wait_for_selector("#download:not([disabled])")
    settle(page)
    page.wait_for_selector(".wipe", state="detached")


def settle(page) -> None:
    """Wait until the page has all that it wants of the server."""
    page.wait_for_selector("body[aria-busy=false]")


def pixel(page, x: float, y: float, image: str = "#after") -> np.ndarray:
    """Return the sRGB levels of an image at a share of its width and height."""
    return np.array(page.evaluate(PIXEL, [image, x, y]))


def ab(levels) -> np.ndarray:
    return lab.rgb_to_lab(np.array(levels, float) / 255)[1:]


def split(page) -> float:
    return float(page.evaluate("getComputedStyle(frame).getPropertyValue('--split')")[:-1])


def gray(levels) -> bool:
    return int(np.max(levels)) - int(np.min(levels)) <= 2


def shot(page) -> np.ndarray:
    """Return what the frame looks like, (H, W, 3)."""
    content = page.locator("#frame").screenshot()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_a_photograph_gets_a_slider_between_before_and_after(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        assert not page.is_visible("#start")
        assert page.evaluate("before.naturalWidth") == page.evaluate("after.naturalWidth") == WIDTH
        assert split(page) == 50
        picture = shot(page)
        middle = picture.shape[1] // 2
        assert gray(picture[100, middle - 60])
        assert not gray(picture[100, middle + 60])
        box = page.locator("#frame").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        assert split(page) == pytest.approx(80, abs=1)
        assert gray(shot(page)[100, middle + 60])


def test_the_slider_follows_the_keys(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        page.focus("#split")
        page.keyboard.press("Home")
        assert split(page) == 0
        page.keyboard.press("ArrowRight")
        assert 0 < split(page) <= 1
        page.keyboard.press("End")
        assert split(page) == 100


def test_a_color_changes_the_place_it_was_put_on(browser, address, photograph):
    place = 0.25, 0.3
    with opened(browser, address) as page:
        upload(page, photograph)
        before = pixel(page, *place)
        page.check("[name=mode][value=color]")
        page.click("[aria-label=Red]")
        red = page.get_attribute("[aria-label=Red]", "data-color")
        box = page.locator("#board").bounding_box()
        position = {"x": place[0] * box["width"], "y": place[1] * box["height"]}
        page.locator("#board").click(position=position)
        settle(page)
        wanted = ab([int(red[i : i + 2], 16) for i in (1, 3, 5)])
        after = pixel(page, *place)
        assert np.linalg.norm(ab(before) - wanted) > 15
        assert np.linalg.norm(ab(after) - wanted) < 12
        assert page.locator(".hint").count() == 1
        spot = page.locator(".hint").bounding_box()
        assert spot["x"] + spot["width"] / 2 == pytest.approx(box["x"] + position["x"], abs=2)

        page.mouse.move(spot["x"] + 20, spot["y"] + 20)  # to another place
        page.mouse.down()
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
        page.mouse.up()
        settle(page)
        assert np.linalg.norm(ab(pixel(page, 0.7, 0.7)) - wanted) < 12

        page.click("#remove")
        settle(page)
        assert page.locator(".hint").count() == 0
        assert np.abs(pixel(page, *place) - before).max() <= 3


def test_colors_are_put_and_taken_by_keys(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]")
        page.focus("#board")
        for _ in range(3):
            page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        hint = page.locator(".hint")
        assert hint.get_attribute("style").split("--x: ")[1].startswith("35.00%")
        hint.focus()
        page.keyboard.press("ArrowRight")
        assert "--x: 36.00%" in hint.get_attribute("style")
        page.keyboard.press("Delete")
        assert hint.count() == 0
        settle(page)


def test_the_next_color_is_for_the_next_place(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]")
        for name, x in (("Red", 60), ("Grass", 200)):
            page.click(f"[aria-label={name}]")
            page.locator("#board").click(position={"x": x, "y": 80})
        red, grass = (
            page.get_attribute(f"[aria-label={name}]", "data-color") for name in ("Red", "Grass")
        )
        assert colors(page) == [red, grass]
        page.click(".hint >> nth=1")  # a spot that was clicked takes another color
        page.click("[aria-label=Red]")
        assert colors(page) == [red, red]
        page.locator(".hint >> nth=1").press("Escape")
        page.click("[aria-label=Grass]")
        assert colors(page) == [red, red]
        settle(page)


def colors(page) -> list[str]:
    """Return the colors of the spots."""
    style = "all => all.map(one => one.style.getPropertyValue('--color'))"
    return page.eval_on_selector_all(".hint", style)


def test_a_version_is_chosen(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        assert page.locator(".thumb img[src]").count() == 6
        assert page.get_attribute(".thumb >> nth=0", "aria-pressed") == "true"
        first = pixel(page, 0.5, 0.5)
        page.click("text=Version 2")
        settle(page)
        assert page.get_attribute(".thumb >> nth=2", "aria-pressed") == "true"
        assert page.get_attribute(".thumb >> nth=0", "aria-pressed") == "false"
        assert np.abs(pixel(page, 0.5, 0.5) - first).max() > 5
        page.click("text=Most likely")
        settle(page)
        assert np.abs(pixel(page, 0.5, 0.5) - first).max() <= 1


def test_the_download_has_full_size_and_the_colors(browser, address, tmp_path):
    width, height = LARGE * WIDTH, LARGE * HEIGHT
    with opened(browser, address) as page:
        upload(page, soft_gray(width, height))
        assert page.evaluate("after.naturalWidth") == 1600
        page.check("[name=mode][value=color]")
        page.click("[aria-label=Red]")
        box = page.locator("#board").bounding_box()
        page.locator("#board").click(position={"x": box["width"] / 4, "y": box["height"] / 4})
        settle(page)
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "old photo.colorized.png"
        download.value.save_as(tmp_path / "result.png")
        with Image.open(tmp_path / "result.png") as result:
            assert (result.size, result.mode) == ((width, height), "RGB")
            levels = result.getpixel((width // 4, height // 4))
        assert np.linalg.norm(ab(levels) - ab([0xB9, 0x30, 0x3A])) < 12
        page.wait_for_selector("#download:not([disabled])")


def test_saturation_is_adjusted(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        page.click("summary")
        page.get_by_label("Saturation").fill("0")
        settle(page)
        assert gray(pixel(page, 0.5, 0.5))


def test_rare_colors_are_adjusted(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        before = pixel(page, 0.5, 0.5)
        page.click("summary")
        assert page.get_by_label("Rare colors").input_value() == "0"
        page.get_by_label("Rare colors").fill("0.6")
        settle(page)
        assert not np.array_equal(pixel(page, 0.5, 0.5), before)


def test_a_kind_that_the_browser_cannot_show_works_too(browser, address):
    with opened(browser, address) as page:
        upload(page, soft_gray(300, 200, "TIFF"), "scan.tif", "image/tiff")
        assert page.evaluate("[after.naturalWidth, before.naturalWidth]") == [300, 300]
        assert "300 × 200 pixels" in page.inner_text("#status")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "scan.colorized.tif"
        page.wait_for_selector("#download:not([disabled])")


def test_a_file_that_will_not_do_is_told(browser, address, photograph):
    with opened(browser, address) as page:
        for content, told in (
            (b"no picture", "a.jpg: is not a picture in a known format."),
            (bytes(2_100_000), "This file has 2.1 MB; the server takes 2 MB."),
        ):
            page.set_input_files(
                "#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": content}
            )
            page.wait_for_selector("#status.error")
            assert page.inner_text("#status") == told
            page.wait_for_selector("#start", state="visible")
        upload(page, photograph)
        assert page.get_attribute("#status", "class") == ""
        large = soft_gray(2000, 2000)  # more than LIMITS has, after one that is shown
        page.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": large})
        page.wait_for_selector("#status.error")
        assert "the server takes 3 megapixels" in page.inner_text("#status")
        assert page.is_visible("#start") and not page.is_visible("#studio")


def test_the_file_chosen_last_is_shown(browser, address, photograph):
    """Though the one before takes longer to read."""
    with opened(browser, address) as page:
        page.evaluate(
            """() => {
               const read = createImageBitmap;
               window.createImageBitmap = async (file, ...rest) => {
                 if (file.name === "slow.png") await new Promise((go) => setTimeout(go, 1000));
                 return read(file, ...rest);
               };
             }"""
        )
        slow = {"name": "slow.png", "mimeType": "image/png", "buffer": soft_gray(300, 200)}
        page.set_input_files("#file", slow)
        upload(page, photograph)
        page.wait_for_timeout(1200)
        settle(page)
        assert page.inner_text("#status") == f"{WIDTH} × {HEIGHT} pixels"


def test_a_file_may_be_chosen_again(browser, address):
    with opened(browser, address) as page:
        wrong = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
        page.set_input_files("#file", wrong)
        page.wait_for_selector("#status.error")
        assert page.evaluate("file.value") == ""  # else choosing it again would change nothing


def test_the_photograph_stays_in_view_while_it_is_adjusted(browser, address, photograph):
    with opened(browser, address, {"viewport": {"width": 1200, "height": 620}}) as page:
        upload(page, photograph)
        place = page.locator("#frame").bounding_box()
        page.check("[name=mode][value=color]")
        page.click("summary")
        page.evaluate("scrollTo(0, 0)")
        assert page.locator("#frame").bounding_box() == place
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert page.evaluate("scrollY") > 100
        assert page.locator("#frame").bounding_box()["y"] >= 0


def test_nothing_overflows_on_a_phone(browser, address, photograph):
    with opened(browser, address, PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        upload(page, photograph)
        page.locator("[name=mode][value=color]").tap()
        page.locator("#board").tap(position={"x": 50, "y": 50})
        settle(page)
        assert page.locator(".hint").count() == 1
        page.click("summary")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        small = page.evaluate(
            """[...document.querySelectorAll("button, input, summary")]
               .map(one => [one.id || one.className, one.getBoundingClientRect()])
               .filter(([_, box]) => box.width && Math.min(box.width, box.height) < 24)
               .map(([name]) => name)"""
        )
        assert small == []


def test_everything_is_named_for_those_who_listen(browser, address, photograph):
    with opened(browser, address) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]")
        unnamed = page.evaluate(
            """[...document.querySelectorAll("button, input, [role=application]")]
               .filter(one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
               .map(one => one.outerHTML)"""
        )
        assert unnamed == []


def test_dark_and_light(browser, address):
    with opened(browser, address, DESKTOP | {"color_scheme": "dark"}) as page:

        def lightness() -> float:
            color = page.evaluate("getComputedStyle(document.body).backgroundColor")
            return sum(float(n) for n in re.findall(r"[\d.]+", color)[:3]) / 3

        dark = lightness()
        page.click("#theme")
        assert lightness() > 200 > 60 > dark
        page.reload()
        assert lightness() > 200
        page.click("#theme")
        assert lightness() == dark
