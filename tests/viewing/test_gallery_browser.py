"""The gallery's page in a real browser: its slider by mouse, keys and finger, on a phone too."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.io.photo import Photo
from colorize.viewing.gallery import Gallery

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
NAMES = [
    "wide.jpg",
    "<script>document.title = 'broken'</script>\"><img src=x onerror=\"document.title='x'\">.jpg",
    "a-name-without-any-place-to-break-it-" * 6 + ".jpg",
    "tall.jpg",
]
SIZES = [(300, 1500), (400, 600), (500, 500), (1600, 400)]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    return written(tmp_path_factory.mktemp("gallery") / "page.html")


@pytest.fixture(scope="module")
def columns(tmp_path_factory) -> str:
    return written(tmp_path_factory.mktemp("gallery") / "columns.html", columns=True)


def written(path: Path, columns: bool = False) -> str:
    """Write a page of all NAMES and return its address."""
    with Gallery.create(path, columns=columns) as gallery:
        for name, (height, width) in zip(NAMES, SIZES, strict=True):
            gray = np.full((height, width), 128, np.uint8)
            red = np.zeros((height, width, 3), np.uint8)
            red[..., 0] = 220
            gallery.add(name, Photo(gray), Photo(red), note="a note")
        gallery.add_problem(f"{NAMES[1]}: damaged")
    return path.as_uri()


@contextmanager
def opened(browser, address, **settings) -> Iterator:
    """Give the page; afterward nothing was asked of any network, and nothing went wrong."""
    context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | settings))
    asked, wrong = [], []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(address)
    yield page
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert wrong == []
    context.close()


def color_at(page, number: int, across: float, down: float = 0.3) -> str:
    """Return the color at a position in the number-th frame, as shares of its size."""
    frame = page.locator(".frame").nth(number)
    frame.scroll_into_view_if_needed()
    image = Image.open(io.BytesIO(frame.screenshot())).convert("RGB")
    position = int(across * (image.width - 1)), int(down * (image.height - 1))
    r, g, b = image.getpixel(position)
    return "color" if r > g + 100 else "gray" if max(r, g, b) - min(r, g, b) < 10 else "line"


def value(page, number: int) -> float:
    return float(page.locator(".frame > input").nth(number).input_value())


@pytest.mark.parametrize(("layout", "left"), [("address", 0.4), ("columns", 0.08)])
def test_pictures_load_and_are_divided_by_line(browser, layout, left, request):
    with opened(browser, request.getfixturevalue(layout)) as page:
        widths = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
        assert len(widths) == 8 and min(widths) > 0
        for number in range(4):
            assert color_at(page, number, left) == "gray"
            assert color_at(page, number, left + 0.2) == "color"
        boxes = page.eval_on_selector_all(
            ".frame", "all => all.map(f => [f, ...f.querySelectorAll('img')].map("
            "e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }))",
        )  # fmt: skip
        for (frame, before, after), (height, width) in zip(boxes, SIZES, strict=True):
            np.testing.assert_allclose(before, after)
            np.testing.assert_allclose(frame, after, atol=1)
            np.testing.assert_allclose(after[2] / after[3], width / height, rtol=0.02)
            assert after[3] <= 900


def test_mouse_moves_line(browser, address):
    with opened(browser, address) as page:
        box = page.locator(".frame").first.bounding_box()
        middle = box["y"] + box["height"] / 4
        page.mouse.move(box["x"] + box["width"] / 2, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.2 * box["width"], middle, steps=5)
        assert value(page, 0) == pytest.approx(20, abs=1)
        page.mouse.move(box["x"] - 50, middle)  # it stays with the pointer outside
        assert value(page, 0) == 0
        page.mouse.move(box["x"] + 0.1 * box["width"], middle)
        page.mouse.up()
        page.mouse.move(box["x"] + 0.9 * box["width"], middle)
        assert value(page, 0) == pytest.approx(10, abs=1)
        assert (color_at(page, 0, 0.05), color_at(page, 0, 0.3)) == ("gray", "color")
        assert value(page, 1) == 50
        box = page.locator(".frame").first.bounding_box()  # a click elsewhere moves it there
        page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 20)
        assert value(page, 0) == pytest.approx(80, abs=1)
        assert color_at(page, 0, 0.6) == "gray"


def test_keys_move_line_and_focus(browser, address):
    with opened(browser, address) as page:
        page.keyboard.press("Tab")  # to the overview
        page.keyboard.press("Tab")
        outline = "all => all.map(f => getComputedStyle(f).outlineStyle)"
        assert page.eval_on_selector_all(".frame", outline) == ["solid", "none", "none", "none"]
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert value(page, 0) == 46
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert (value(page, 0), value(page, 1)) == (46, 52)
        page.keyboard.press("Home")
        assert color_at(page, 1, 0.02) == "color"
        page.keyboard.press("End")
        assert color_at(page, 1, 0.95) == "gray"
        for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown"):
            page.keyboard.press(key)
        assert page.eval_on_selector_all(".frame", outline) == ["none", "none", "none", "solid"]
        top = page.locator(".frame").nth(3).evaluate("f => f.getBoundingClientRect().top")
        assert 0 <= top < 900


def test_arrow_keys_work_without_focus(browser, address):
    with opened(browser, address) as page:
        page.keyboard.press("ArrowRight")
        assert sum(value(page, number) for number in range(4)) == 202
        assert page.evaluate("document.activeElement.type") == "range"


def touch(page, start, end, steps=8):
    """Move a finger from one position to another."""
    session = page.context.new_cdp_session(page)
    for step in range(steps + 1):
        x, y = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(100)


def test_touch_moves_line_and_scrolls_page(browser, address):
    with opened(browser, address, **PHONE) as page:
        box = page.locator(".frame").first.bounding_box()
        x, y = box["x"], box["y"] + box["height"] / 2
        touch(page, (x + 0.5 * box["width"], y), (x + 0.15 * box["width"], y))
        assert value(page, 0) == pytest.approx(15, abs=2)
        assert color_at(page, 0, 0.35) == "color"
        page.touchscreen.tap(x + 0.7 * box["width"], y)
        assert value(page, 0) == pytest.approx(70, abs=2)
        touch(page, (x + 0.3 * box["width"], y), (x + 0.3 * box["width"], y - 200))
        assert page.evaluate("scrollY") > 50
        assert value(page, 0) == pytest.approx(70, abs=2)


@pytest.mark.parametrize("layout", ["address", "columns"])
def test_page_fits_phone_width(browser, layout, request):
    with opened(browser, request.getfixturevalue(layout), **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        right = "all => Math.max(...all.map(e => e.getBoundingClientRect().right))"
        assert page.eval_on_selector_all("body *:not(.line)", right) <= 360
        assert page.evaluate("innerWidth") == 360


def test_names_are_shown_literally(browser, address):
    with opened(browser, address) as page:
        captions = page.locator("figcaption").all_inner_texts()
        assert [caption.removesuffix("a note") for caption in captions] == NAMES
        assert page.locator(".problems li").all_inner_texts() == [f"{NAMES[1]}: damaged"]
        assert page.title() == "Before and after"


def test_page_follows_color_scheme(browser, address):
    brightness = []
    for scheme in ("light", "dark"):
        with opened(browser, address, color_scheme=scheme) as page:
            image = Image.open(io.BytesIO(page.screenshot())).convert("L")
            brightness.append(image.getpixel((3, 3)))
    assert brightness[0] > 200 and brightness[1] < 60


def test_policy_blocks_injected_scripts(browser, address, tmp_path):
    """The page's policy forbids what the escaping of names already prevents."""
    with opened(browser, address) as page:
        content = page.content()
    bad = content.replace("</header>", "</header><script>document.title = 'broken'</script>", 1)
    (tmp_path / "bad.html").write_text(bad, encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "bad.html").as_uri())
    assert page.title() == "Before and after"
    context.close()


@pytest.mark.parametrize("settings", [{}, PHONE], ids=["desktop", "phone"])
def test_overview_shows_all_small_and_leads_to_each(browser, address, settings):
    with opened(browser, address, **settings) as page:
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.click("#overview")
        assert page.evaluate("document.documentElement.scrollHeight") < 0.7 * tall
        widths = page.eval_on_selector_all(".frame", "all => all.map(one => one.clientWidth)")
        assert len(widths) == 4 and max(widths) < 300
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        page.locator("figure").nth(2).locator(".after").click()
        assert page.get_attribute("#overview", "aria-pressed") == "false"
        box = page.locator(".frame").nth(2).bounding_box()
        assert 0 <= box["y"] < page.evaluate("innerHeight")
        assert value(page, 2) == 50  # the click did not move the line
        page.keyboard.press("o")
        assert page.get_attribute("#overview", "aria-pressed") == "true"
        page.keyboard.press("Enter")
        assert page.get_attribute("#overview", "aria-pressed") == "false"
