"""The page: strokes of the brush, the scope of each spot, and several tabs."""

import numpy as np
import pytest
from fixtures.page import (
    ab,
    choose,
    open_page,
    pixel,
    settle,
    states,
    upload,
)  # fmt: skip

pytestmark = pytest.mark.slow

LAST_HINTS = """() => { const append = FormData.prototype.append; window.hints = [];
    FormData.prototype.append = function (name, ...rest) {
        if (name === "hints") hints.push(rest[0]); return append.call(this, name, ...rest); }; }"""


def paint(page, *points: tuple[float, float]) -> None:
    """Drag over points of the photograph, as fractions of its frame."""
    page.locator("#board").scroll_into_view_if_needed()
    box = page.locator("#board").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    settle(page)


def test_stroke_colors_what_it_covers(browser, address, photograph, settings):
    red = ab([0xB9, 0x30, 0x3A])
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
        page.check("[name=tool][value=brush]", force=True)
        page.click("[aria-label=Red]")
        paint(page, (0.2, 0.3), (0.5, 0.3), (0.5, 0.7))
        assert page.locator(".hint").count() == 1
        for position in ((0.2, 0.3), (0.35, 0.3), (0.5, 0.5), (0.5, 0.69)):
            assert np.linalg.norm(ab(pixel(page, *position)) - red) < 12
        hint = page.locator(".hint").bounding_box()
        box = page.locator("#board").bounding_box()
        assert hint["x"] + 22 == pytest.approx(box["x"] + 0.2 * box["width"], abs=2)
        page.locator(".hint").press("ArrowDown")  # the whole stroke moves
        settle(page)
        line = page.get_attribute("#strokes polyline", "points").split()
        assert float(line[-1].split(",")[1]) == pytest.approx(0.71 * 240, abs=2)
        page.click("#undo")
        page.click("#undo")
        settle(page)
        assert page.locator(".hint").count() == 0


def test_brush_paints_where_it_is_while_zoomed(browser, address, photograph):
    with open_page(browser, address) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]")
        page.check("[name=tool][value=brush]")
        page.click("#zoom-in")
        page.click("#zoom-in")
        paint(page, (0.3, 0.4), (0.6, 0.4))
        assert page.locator(".hint").count() == 1
        hint = page.locator(".hint").bounding_box()
        box = page.locator("#board").bounding_box()
        assert hint["x"] + 22 == pytest.approx(box["x"] + 0.3 * box["width"], abs=2)
        points = page.get_attribute("#strokes polyline", "points").split()
        first, last = (float(each.split(",")[0]) for each in (points[0], points[-1]))
        assert last - first == pytest.approx(0.3 / 2.25 * 400, abs=4)


def test_each_spot_has_its_own_scope(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
        page.locator("#board").click(position={"x": 60, "y": 60})
        page.check("[name=scope][value=cast]", force=True)  # of the next one
        page.evaluate(LAST_HINTS)
        page.locator("#board").click(position={"x": 200, "y": 60})
        settle(page)
        scopes = [line.split(",")[-1] for line in page.evaluate("hints.at(-1)").split("\n")]
        assert scopes == ["object", "cast"]
        page.click(".hint >> nth=0")
        assert page.is_checked("[name=scope][value=object]")
        page.check("[name=scope][value=cast]", force=True)  # of the selected one
        settle(page)
        scopes = [line.split(",")[-1] for line in page.evaluate("hints.at(-1)").split("\n")]
        assert scopes == ["cast", "cast"]
        page.keyboard.press("Control+z")
        settle(page)
        page.click(".hint >> nth=1")
        page.click(".hint >> nth=0")
        assert page.is_checked("[name=scope][value=object]")


def test_tabs_share_photographs(browser, address):
    with open_page(browser, address) as page:
        choose(page, "a.png", "b.png")
        settle(page)
        page.wait_for_timeout(800)
        other = page.context.new_page()
        other.goto(address)
        other.wait_for_selector("#limits:not(:empty)", state="attached")
        settle(other)
        assert states(other) == ["item done"] * 2
        choose(other, "c.png")  # neither tab takes the place of the other's
        choose(page, "d.png")
        for each in (page, other):
            each.wait_for_function("() => document.querySelectorAll('.item.done').length === 4")
        other.click(".item >> nth=0")
        other.check("[name=mode][value=color]")
        other.locator("#board").click(position={"x": 60, "y": 60})
        settle(other)
        page.click(".item >> nth=0")
        page.wait_for_selector(".hint", state="attached")
        page.click(".item >> nth=1")
        page.click("#remove-item")
        other.wait_for_function("() => document.querySelectorAll('.item').length === 3")
        page.wait_for_timeout(800)
        page.reload()
        page.wait_for_function("() => document.querySelectorAll('.item.done').length === 3")
        settle(page)
