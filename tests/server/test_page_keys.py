"""The page by keys alone: whatever a test uses must be reached with the Tab key."""

import pytest
from fixtures.page import (
    choose,
    make_gray,
    open_page,
    pixel,
    settle,
    slider_position,
    upload,
)  # fmt: skip
from PIL import Image

pytestmark = pytest.mark.slow

ZOOM = "Number(getComputedStyle(frame).getPropertyValue('--zoom'))"


def tab_to(page, selector: str) -> None:
    """Press the Tab key until an element has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached")


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def add_colors(page) -> None:
    tab_to(page, "[name=mode]")
    press(page, "ArrowRight")
    assert page.is_visible("#palette")


def test_start_and_strip(browser, address, settings):
    with open_page(browser, address, settings) as page:
        tab_to(page, "#file")
        tab_to(page, "#sample-photo")
        press(page, "Enter")
        page.wait_for_selector("#download:not([disabled])")
        choose(page, "a.png", "broken.txt", "c.png")
        settle(page)
        tab_to(page, "li:nth-child(2) .item")
        press(page, "Enter")
        assert page.get_attribute("li:nth-child(2) .item", "aria-current") == "true"
        tab_to(page, "#remove-item")
        press(page, "Enter")
        assert page.locator(".item").count() == 3
        tab_to(page, "#download-all")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "colorized.zip"
        settle(page)
        page.on("dialog", lambda dialog: dialog.accept())
        tab_to(page, "#clear-session")
        press(page, "Enter")
        assert page.is_visible("#start")


def test_divider_zoom_and_pan(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        assert page.evaluate("document.activeElement.id") == "split"
        press(page, "Home")
        assert slider_position(page) == 0
        press(page, "+", "+")
        assert page.evaluate(ZOOM) == pytest.approx(2.25)
        before = page.evaluate("getComputedStyle(frame).getPropertyValue('--pan-x')")
        press(page, "Alt+ArrowRight")
        assert page.evaluate("getComputedStyle(frame).getPropertyValue('--pan-x')") != before
        tab_to(page, "#zoom-fit")
        press(page, "Enter")
        assert page.evaluate(ZOOM) == 1


def test_spots_with_scope_color_and_size(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        add_colors(page)
        tab_to(page, ".swatch[aria-label=Gray]")
        press(page, "Enter")
        tab_to(page, "[name=scope]")
        press(page, "ArrowLeft")
        tab_to(page, "#board")
        press(page, "]", "Shift+ArrowLeft", "Enter")
        assert page.locator(".hint").count() == 1
        tab_to(page, ".hint")
        press(page, "ArrowUp", "Enter")
        assert page.is_checked("[name=scope][value=cast]")
        assert page.input_value("#radius") == "1.3"
        press(page, "Delete")
        assert page.locator(".hint").count() == 0
        press(page, "Control+z")
        assert page.locator(".hint").count() == 1
        tab_to(page, "#reset")
        press(page, "Enter")
        assert page.locator(".hint").count() == 0


def test_brush(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        add_colors(page)
        tab_to(page, "[name=tool]")
        press(page, "ArrowRight")
        tab_to(page, "#board")
        press(page, "Enter")
        assert page.locator("#strokes polyline.chosen").count() == 1
        press(page, *["Shift+ArrowRight"] * 3)
        press(page, "Enter")
        assert page.locator(".hint").count() == 1
        assert page.get_attribute(".hint", "aria-label").startswith("Stroke 1")
        points = page.get_attribute("#strokes polyline", "points").split()
        assert len(points) == 4
        press(page, "Enter", "ArrowDown", "Escape")  # put down and given up
        assert page.locator(".hint").count() == 1


def test_adjustments(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        first = pixel(page, 0.5, 0.5)
        tab_to(page, "#adjust summary")
        press(page, "Enter")
        for name in ("saturation", "warmth", "rare_color_boost", "temperature"):
            tab_to(page, f"#slider-{name}")
            value = page.input_value(f"#slider-{name}")
            press(page, "ArrowRight")
            assert page.input_value(f"#slider-{name}") != value
        tab_to(page, "#autocontrast")
        press(page, "Space")
        assert page.is_checked("#autocontrast")
        tab_to(page, "#reference")
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.id") == "autocontrast"
        tab_to(page, "[aria-label='Reset Saturation']")
        press(page, "Enter")
        assert page.input_value("#slider-saturation") == "1"
        press(page, *["Control+z"] * 6)
        assert (pixel(page, 0.5, 0.5) == first).all()
        press(page, "Control+Shift+z")
        tab_to(page, "[name=style]")
        press(page, "ArrowRight")


def test_versions_and_download_options(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        tab_to(page, ".thumb:nth-child(3)")
        press(page, "Enter")
        assert page.get_attribute(".thumb >> nth=2", "aria-pressed") == "true"
        tab_to(page, "#saving summary")
        press(page, "Enter")
        tab_to(page, "#format")
        page.keyboard.type("JPEG")
        tab_to(page, "#quality")
        press(page, "Home")
        tab_to(page, "#compare")
        page.keyboard.type("Before and after, s")
        tab_to(page, "#download")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        settle(page)
        with Image.open(download.value.path()) as result:
            assert result.format == "JPEG" and result.width > 800


def test_format_that_only_the_server_reads(browser, address, settings):
    with open_page(browser, address, settings) as page:
        upload(page, make_gray(300, 200, "TIFF"), "scan.tif", "image/tiff")
        add_colors(page)
        tab_to(page, "#board")
        press(page, "Enter")
        tab_to(page, "#download")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "scan.colorized.tif"
        settle(page)
