"""The page: undo, style, spots, zoom, download options, keys and accessibility."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.page import (
    DESKTOP,
    HEIGHT,
    PHONE,
    WIDTH,
    choose,
    is_gray,
    make_gray,
    open_page,
    pixel,
    screenshot,
    settle,
    slider_position,
    upload,
)  # fmt: skip
from PIL import Image

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[2] / ".ci" / "node_modules" / "axe-core" / "axe.min.js"


def set_slider(page, name: str, value: str) -> None:
    page.get_by_role("slider", name=name).fill(value)
    settle(page)


def test_undo_redo_and_start_over(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        first = pixel(page, 0.5, 0.5)
        page.check("[name=mode][value=color]", force=True)
        for x in (60, 200):
            page.locator("#board").click(position={"x": x, "y": 80})
        settle(page)
        page.click("#adjust summary")
        set_slider(page, "Saturation", "0")
        for hints in (2, 1, 0):
            page.keyboard.press("Control+z")
            settle(page)
            assert page.locator(".hint").count() == hints
        assert page.get_by_role("slider", name="Saturation").input_value() == "1"
        assert np.abs(pixel(page, 0.5, 0.5) - first).max() <= 1
        for _ in range(3):
            page.keyboard.press("Control+Shift+z")
        settle(page)
        assert page.locator(".hint").count() == 2
        assert page.get_by_role("slider", name="Saturation").input_value() == "0"
        page.click("#reset")
        settle(page)
        assert page.locator(".hint").count() == 0
        assert np.abs(pixel(page, 0.5, 0.5) - first).max() <= 1
        assert page.is_disabled("#reset")


def test_dragged_slider_is_one_step_of_undo(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#adjust summary")
        page.focus("#slider-saturation")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        settle(page)
        page.click("#undo")
        settle(page)
        assert page.get_by_role("slider", name="Saturation").input_value() == "1"
        assert page.is_disabled("#undo")


def test_slider_is_reset(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#adjust summary")
        set_slider(page, "Saturation", "0")
        page.click("[aria-label='Reset Saturation']")
        settle(page)
        assert page.get_by_role("slider", name="Saturation").input_value() == "1"
        assert not is_gray(pixel(page, 0.5, 0.5))


def test_style_contrast_and_reference_change_the_result(
    browser, address, photograph, tmp_path, settings
):
    reference = tmp_path / "red.png"
    Image.new("RGB", (40, 40), (200, 30, 40)).save(reference)
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#adjust summary")
        seen = [pixel(page, 0.5, 0.5)]
        page.check("[name=style][value=faithful]", force=True)
        settle(page)
        seen.append(pixel(page, 0.5, 0.5))
        page.check("#autocontrast")
        settle(page)
        seen.append(pixel(page, 0.5, 0.5))
        page.set_input_files("#controls input[type=file]", str(reference))
        settle(page)
        seen.append(pixel(page, 0.5, 0.5))
        assert len({tuple(levels) for levels in seen}) == 4
        assert page.inner_text("#reference") == "red.png"
        page.click("#remove-reference")
        settle(page)
        np.testing.assert_array_equal(pixel(page, 0.5, 0.5), seen[2])


def test_error_of_reference_is_beside_it(browser, address, photograph, tmp_path, settings):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#adjust summary")
        page.set_input_files("#controls input[type=file]", str(tmp_path / "broken.png"))
        page.wait_for_selector("#reference-error:not(:empty)")
        assert "known format" in page.inner_text("#reference-error")
        settle(page)


def test_radius_of_spot_is_sent_and_drawn(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
        page.get_by_role("slider", name="Size of the spot or brush").fill("4")
        page.evaluate(
            """() => { const append = FormData.prototype.append; window.sent = [];
               FormData.prototype.append = function (name, ...rest) {
                 sent.push([name, ...rest]); return append.call(this, name, ...rest); }; }"""
        )
        page.locator("#board").click(position={"x": 60, "y": 60})
        settle(page)
        lines = [value for name, value, *_ in page.evaluate("sent") if name == "hints"]
        assert lines[0].endswith(f",{WIDTH * 4 // 100},object")
        assert "4 percent" in page.get_attribute("#radius", "aria-valuetext")
        area = page.evaluate("getComputedStyle(board.querySelector('.hint'), '::before').width")
        assert float(area[:-2]) == pytest.approx(
            0.08 * page.evaluate("board.clientWidth"), rel=0.02
        )
        page.focus("#board")
        page.keyboard.press("[")
        assert page.input_value("#radius") == "3.2"
        settle(page)


def test_scope_of_spots_and_warmth_change_the_result(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
        page.click("[aria-label=Gray]")
        page.locator("#board").click(position={"x": 60, "y": 60})
        settle(page)
        everywhere = pixel(page, 0.9, 0.9)
        page.click(".hint")
        page.check("[name=scope][value=cast]", force=True)
        settle(page)
        assert not np.array_equal(pixel(page, 0.9, 0.9), everywhere)
        page.click("#undo")
        settle(page)
        assert page.is_checked("[name=scope][value=object]")
        page.click("#adjust summary")
        set_slider(page, "Warmth", "20")
        warm = pixel(page, 0.9, 0.9).astype(int)
        set_slider(page, "Warmth", "-20")
        cool = pixel(page, 0.9, 0.9).astype(int)
        assert warm[0] - warm[2] > cool[0] - cool[2] + 20


def test_zoom_by_buttons_wheel_and_keys_keeps_the_divider(browser, address, settings):
    with open_page(browser, address, settings) as page:
        upload(page, make_gray(1800, 1080))
        zoom = "Number(getComputedStyle(frame).getPropertyValue('--zoom'))"
        assert page.is_disabled("#zoom-out") and page.is_disabled("#zoom-fit")
        page.click("#zoom-in")
        assert page.evaluate(zoom) == pytest.approx(1.5)
        assert slider_position(page) == 50
        page.click("#zoom-full")
        settle(page)
        full = page.evaluate("1800 / frame.clientWidth / devicePixelRatio")
        assert page.evaluate(zoom) == pytest.approx(max(1, full))
        page.wait_for_function("() => after.naturalWidth === 1800")  # the photograph itself
        settle(page)
        assert page.evaluate("before.naturalWidth") == 1800
        page.focus("#split")
        for key in ("-", "+", "Alt+ArrowRight"):
            page.keyboard.press(key)
        assert page.evaluate(zoom) == pytest.approx(full, rel=0.01)
        picture = screenshot(page)
        middle = picture.shape[1] // 2
        assert is_gray(picture[60, middle - 30]) and not is_gray(picture[60, middle + 30])
        page.keyboard.press("0")
        assert page.evaluate(zoom) == 1
        if settings is DESKTOP:
            page.hover("#frame")
            page.mouse.wheel(0, -400)
            page.wait_for_function("() => " + zoom + " > 1.5")


def test_spot_lands_where_clicked_while_zoomed_and_drag_pans(
    browser, address, photograph, settings
):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        for _ in range(2):
            page.click("#zoom-in")
        page.check("[name=mode][value=color]", force=True)
        box = page.locator("#board").bounding_box()
        x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"]
        page.mouse.click(x, y)
        spot = page.locator(".hint").bounding_box()
        assert spot["x"] + spot["width"] / 2 == pytest.approx(x, abs=2)
        assert spot["y"] + spot["height"] / 2 == pytest.approx(y, abs=2)
        page.mouse.move(x + 60, y + 60)
        page.mouse.down()
        page.mouse.move(x + 110, y + 100, steps=4)
        page.mouse.up()
        moved = page.locator(".hint")
        assert moved.count() == 1
        assert moved.bounding_box()["x"] - spot["x"] == pytest.approx(50, abs=2)
        settle(page)


def test_pinch_zooms(browser, address, photograph):
    with open_page(browser, address, PHONE) as page:
        upload(page, photograph)
        box = page.locator("#frame").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = page.context.new_cdp_session(page)
        for kind, far in (("touchStart", 30), ("touchMove", 60), ("touchMove", 90)):
            points = [{"x": x - far, "y": y, "id": 0}, {"x": x + far, "y": y, "id": 1}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        zoom = page.evaluate("Number(getComputedStyle(frame).getPropertyValue('--zoom'))")
        assert zoom == pytest.approx(3, rel=0.1)


def test_download_has_chosen_format_quality_and_comparison(
    browser, address, photograph, tmp_path, settings
):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#saving summary")
        page.select_option("#format", "jpeg")
        page.get_by_role("slider", name="Quality").fill("20")
        page.select_option("#compare", "side-by-side")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "old photo.colorized.jpg"
        with Image.open(download.value.path()) as result:
            assert result.format == "JPEG" and result.width > 2 * WIDTH
            assert result.height == HEIGHT
        settle(page)


def test_keyboard_alone_colorizes_edits_and_downloads(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        page.focus("#sample-photo")
        page.keyboard.press("Enter")
        page.wait_for_selector("#download:not([disabled])")
        settle(page)
        assert page.evaluate("document.activeElement.id") in ("split", "sample-photo")
        page.focus("[name=mode][value=compare]")
        page.keyboard.press("ArrowRight")
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
            if reached[-1] == "download":
                break
        assert {"custom", "radius", "undo", "download"} & set(reached) >= {"custom", "download"}
        with page.expect_download():
            page.keyboard.press("Enter")
        settle(page)


def test_divider_says_its_value_and_gets_focus(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        assert page.evaluate("document.activeElement.id") == "split"
        page.keyboard.press("Home")
        assert page.get_attribute("#split", "aria-valuetext") == "0 percent before, 100 after"
        assert page.locator("h1").count() == 1


def test_targets_are_44_pixels_and_have_names(browser, address, settings):
    with open_page(browser, address, settings) as page:
        choose(page, "a.png", "b.png")
        settle(page)
        page.locator("[name=mode][value=color]").check(force=True)
        page.locator("#board").click(position={"x": 50, "y": 50})
        page.click("#adjust summary")
        page.click("#saving summary")
        settle(page)
        small = page.evaluate(
            """[...document.querySelectorAll("button, input, summary, select")]
               .map(one => [one, (one.closest("label") ?? one).getBoundingClientRect()])
               .filter(([_, box]) => box.width && Math.min(box.width, box.height) < 44)
               .map(([one]) => one.id || one.className)"""
        )
        assert small == []
        unnamed = page.evaluate(
            """[...document.querySelectorAll("button, input:not([hidden]), [role=application]")]
               .filter(one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
               .map(one => one.outerHTML)"""
        )
        assert unnamed == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: .ci/install-tools")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, address, settings, scheme):
    with open_page(browser, address, settings | {"color_scheme": scheme}) as page:
        page.evaluate(AXE.read_text())
        check = """async () => (await axe.run()).violations
            .filter(({impact}) => ["serious", "critical"].includes(impact))
            .map(({id, nodes}) => [id, ...nodes.map(node => node.html)])"""
        assert page.evaluate(check) == []
        choose(page, "a.png", "b.png", "broken.txt")
        settle(page)
        page.locator("[name=mode][value=color]").check(force=True)
        page.locator("#board").click(position={"x": 50, "y": 50})
        page.click("#adjust summary")
        page.click("#saving summary")
        settle(page)
        page.wait_for_timeout(400)
        assert page.evaluate(check) == []
