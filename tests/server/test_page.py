"""The page in Chromium: slider, color hints, versions, download of one photograph."""

import re

import numpy as np
import pytest
from fixtures.page import (
    DESKTOP,
    HEIGHT,
    LARGE,
    PHONE,
    WIDTH,
    ab,
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


def test_slider_divides_before_and_after(browser, address, photograph):
    with open_page(browser, address) as page:
        upload(page, photograph)
        assert not page.is_visible("#start")
        assert page.evaluate("before.naturalWidth") == page.evaluate("after.naturalWidth") == WIDTH
        assert slider_position(page) == 50
        picture = screenshot(page)
        middle = picture.shape[1] // 2
        assert is_gray(picture[100, middle - 60])
        assert not is_gray(picture[100, middle + 60])
        box = page.locator("#frame").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        assert slider_position(page) == pytest.approx(80, abs=1)
        assert is_gray(screenshot(page)[100, middle + 60])


def test_slider_moves_with_keys(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.focus("#split")
        page.keyboard.press("Home")
        assert slider_position(page) == 0
        page.keyboard.press("ArrowRight")
        assert 0 < slider_position(page) <= 1
        page.keyboard.press("End")
        assert slider_position(page) == 100


def test_hint_colors_its_position(browser, address, photograph, settings):
    position = 0.25, 0.3
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        before = pixel(page, *position)
        page.check("[name=mode][value=color]", force=True)
        page.click("[aria-label=Red]")
        red = page.get_attribute("[aria-label=Red]", "data-color")
        box = page.locator("#board").bounding_box()
        point = {"x": position[0] * box["width"], "y": position[1] * box["height"]}
        page.locator("#board").click(position=point)
        settle(page)
        wanted = ab([int(red[i : i + 2], 16) for i in (1, 3, 5)])
        after = pixel(page, *position)
        assert np.linalg.norm(ab(before) - wanted) > 15
        assert np.linalg.norm(ab(after) - wanted) < 12
        assert page.locator(".hint").count() == 1
        spot = page.locator(".hint").bounding_box()
        assert spot["x"] + spot["width"] / 2 == pytest.approx(box["x"] + point["x"], abs=2)

        page.mouse.move(spot["x"] + 20, spot["y"] + 20)  # drag the hint
        page.mouse.down()
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
        page.mouse.up()
        settle(page)
        assert np.linalg.norm(ab(pixel(page, 0.7, 0.7)) - wanted) < 12

        page.click("#remove")
        settle(page)
        assert page.locator(".hint").count() == 0
        assert np.abs(pixel(page, *position) - before).max() <= 3


def test_hints_are_added_moved_and_removed_with_keys(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
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


def test_picked_color_applies_to_selected_or_next_hint(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.check("[name=mode][value=color]", force=True)
        for name, x in (("Red", 60), ("Grass", 200)):
            page.click(f"[aria-label={name}]")
            page.locator("#board").click(position={"x": x, "y": 80})
        red, grass = (
            page.get_attribute(f"[aria-label={name}]", "data-color") for name in ("Red", "Grass")
        )
        assert colors(page) == [red, grass]
        page.click(".hint >> nth=1")  # a selected hint takes another color
        page.click("[aria-label=Red]")
        assert colors(page) == [red, red]
        page.locator(".hint >> nth=1").press("Escape")
        page.click("[aria-label=Grass]")
        assert colors(page) == [red, red]
        settle(page)


def colors(page) -> list[str]:
    """Return the colors of the hints."""
    style = "all => all.map(one => one.style.getPropertyValue('--color'))"
    return page.eval_on_selector_all(".hint", style)


def test_selected_version_is_shown(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
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


def test_download_has_full_size_and_hints(browser, address, tmp_path, settings):
    width, height = LARGE * WIDTH, LARGE * HEIGHT
    with open_page(browser, address, settings) as page:
        upload(page, make_gray(width, height))
        assert page.evaluate("after.naturalWidth") == 1600
        page.check("[name=mode][value=color]", force=True)
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


def test_saturation_slider_changes_result(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        page.click("#adjust summary")
        page.get_by_role("slider", name="Saturation").fill("0")
        settle(page)
        assert is_gray(pixel(page, 0.5, 0.5))


def test_rare_colors_slider_changes_result(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        upload(page, photograph)
        before = pixel(page, 0.5, 0.5)
        page.click("#adjust summary")
        assert page.get_by_role("slider", name="Rare colors").input_value() == "0"
        page.get_by_role("slider", name="Rare colors").fill("0.6")
        settle(page)
        assert not np.array_equal(pixel(page, 0.5, 0.5), before)


def test_format_unknown_to_browser_is_colorized(browser, address, settings):
    with open_page(browser, address, settings) as page:
        upload(page, make_gray(300, 200, "TIFF"), "scan.tif", "image/tiff")
        assert page.evaluate("[after.naturalWidth, before.naturalWidth]") == [300, 300]
        assert is_gray(pixel(page, 0.5, 0.5, "#before"))
        assert "300 × 200 pixels" in page.inner_text("#status")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "scan.colorized.tif"
        page.wait_for_selector("#download:not([disabled])")


def test_unusable_file_shows_error(browser, address, photograph, settings):
    with open_page(browser, address, settings) as page:
        for content, expected in ((b"no picture", "a.jpg: "), (bytes(2_100_000), "2.1 MB")):
            page.set_input_files(
                "#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": content}
            )
            page.wait_for_selector("#notice:not(:empty)")
            page.wait_for_selector("#start", state="visible")
            assert expected in page.inner_text("#notice")
        upload(page, photograph)
        assert page.inner_text("#notice") == ""
        large = make_gray(2000, 2000)  # more than LIMITS has, after one that is shown
        page.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": large})
        page.wait_for_selector("#status.error")
        assert "3 megapixels" in page.inner_text("#status")
        assert "3 megapixels" in page.inner_text(".item.failed .state")
        page.click(".item >> nth=0")  # the first one is still there
        page.wait_for_selector("#download:not([disabled])")


def test_file_chosen_last_is_shown(browser, address, photograph):
    """Even if the previous one takes longer to read."""
    with open_page(browser, address) as page:
        page.evaluate(
            """() => {
               const read = createImageBitmap;
               window.createImageBitmap = async (file, ...rest) => {
                 if (file.name === "slow.png") await new Promise((go) => setTimeout(go, 1000));
                 return read(file, ...rest);
               };
             }"""
        )
        slow = {"name": "slow.png", "mimeType": "image/png", "buffer": make_gray(300, 200)}
        page.set_input_files("#file", slow)
        upload(page, photograph)
        page.wait_for_timeout(1200)
        settle(page)
        assert page.inner_text("#status") == f"{WIDTH} × {HEIGHT} pixels"


def test_same_file_can_be_chosen_again(browser, address):
    with open_page(browser, address) as page:
        wrong = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
        page.set_input_files("#file", wrong)
        page.wait_for_selector("#notice:not(:empty)")
        assert page.evaluate("file.value") == ""  # else the same file would be no change


def test_photograph_stays_in_view_while_scrolling(browser, address, photograph):
    with open_page(browser, address, {"viewport": {"width": 1200, "height": 620}}) as page:
        upload(page, photograph)
        box = page.locator("#frame").bounding_box()
        page.check("[name=mode][value=color]")
        page.click("#adjust summary")
        page.evaluate("scrollTo(0, 0)")
        assert page.locator("#frame").bounding_box() == box
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert page.evaluate("scrollY") > 100
        assert page.locator("#frame").bounding_box()["y"] >= 0


def test_page_fits_a_phone(browser, address, photograph):
    with open_page(browser, address, PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        upload(page, photograph)
        page.locator("[name=mode][value=color]").tap()
        page.locator("#board").tap(position={"x": 50, "y": 50})
        settle(page)
        assert page.locator(".hint").count() == 1
        page.click("#adjust summary")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_theme_switches_and_is_remembered(browser, address):
    with open_page(browser, address, DESKTOP | {"color_scheme": "dark"}) as page:

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
