"""The page with many photographs: strip, failures, ZIP file, reload."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from fixtures.page import (
    choose,
    make_gray,
    open_page,
    pixel,
    settle,
    states,
    upload,
)  # fmt: skip
from fixtures.server import open_image

pytestmark = pytest.mark.slow


def test_strip_shows_state_of_each_and_failures_with_reason(browser, address, settings):
    with open_page(browser, address, settings) as page:
        choose(page, "a.png", "b.png", "broken.txt", "c.png")
        settle(page)
        assert states(page) == ["item done", "item done", "item failed", "item done"]
        assert "known format" in page.inner_text(".item.failed .state")
        assert page.inner_text("#progress") == "3 of 4 done, 1 failed"
        assert page.locator(".item img[src]").count() == 3
        assert (
            page.evaluate("document.documentElement.scrollWidth") == settings["viewport"]["width"]
        )
        choose(page, "d.png", "e.png")  # a second drop adds, and does not change the photograph
        settle(page)
        assert len(states(page)) == 6
        assert page.get_attribute(".item >> nth=0", "aria-current") == "true"


def test_photograph_is_edited_while_others_wait(browser, address, settings):
    with open_page(browser, address, settings) as page:
        page.evaluate(
            """() => { const send = fetch; window.wait = 300;
               window.fetch = async (...all) => {
                 await new Promise((done) => setTimeout(done, wait)); return send(...all); }; }"""
        )
        choose(page, *(f"{number}.png" for number in range(12)))
        page.wait_for_selector("#download:not([disabled])")
        assert "item waiting" in states(page)
        page.check("[name=mode][value=color]", force=True)
        page.locator("#board").click(position={"x": 60, "y": 60})
        before = page.get_attribute("#after", "src")
        page.wait_for_function("before => after.getAttribute('src') !== before", arg=before)
        assert "item waiting" in states(page)
        page.evaluate("wait = 0")
        settle(page)
        assert states(page) == ["item done"] * 12


def test_each_photograph_keeps_its_own_edits(browser, address, settings):
    with open_page(browser, address, settings) as page:
        choose(page, "a.png", "b.png")
        settle(page)
        page.check("[name=mode][value=color]", force=True)
        page.locator("#board").click(position={"x": 60, "y": 60})
        settle(page)
        page.click(".item >> nth=1")
        settle(page)
        assert page.locator(".hint").count() == 0
        page.focus(".item >> nth=0")  # by keys
        page.keyboard.press("Enter")
        settle(page)
        assert page.locator(".hint").count() == 1


def test_zip_has_all_that_are_done(browser, address, tmp_path, settings):
    with open_page(browser, address, settings) as page:
        choose(page, "a.png", "a.png", "ä ü.png", "broken.txt")
        settle(page)
        with page.expect_download() as download:
            page.click("#download-all")
        assert download.value.suggested_filename == "colorized.zip"
        download.value.save_as(tmp_path / "all.zip")
        settle(page)
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        assert file.testzip() is None
        names = ["a.colorized.png", "a.colorized (2).png", "ä ü.colorized.png"]
        assert file.namelist() == names
        for name in names:
            image = open_image(file.read(name))
            assert (image.size, image.mode) == ((90, 60), "RGB")


def test_reload_loses_nothing_until_removed(browser, address, settings):
    with open_page(browser, address, settings) as page:
        choose(page, "a.png", "b.png")
        settle(page)
        page.check("[name=mode][value=color]", force=True)
        page.locator("#board").click(position={"x": 60, "y": 60})
        settle(page)
        colors = pixel(page, 0.5, 0.5)
        page.wait_for_timeout(1000)
        page.click(".wordmark")
        page.wait_for_selector("#limits:not(:empty)", state="attached")
        settle(page)
        assert states(page) == ["item done"] * 2
        np.testing.assert_array_equal(pixel(page, 0.5, 0.5), colors)
        assert page.locator(".hint").count() == 1
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("#remove-item")
        assert len(page.locator(".item").all()) == 1
        page.click("#another", trial=True)
        choose(page, "c.png")
        settle(page)
        page.click("#clear-session")
        page.wait_for_selector("#start", state="visible")
        page.wait_for_timeout(500)
        page.reload()
        page.wait_for_selector("#limits:not(:empty)")
        assert page.is_visible("#start") and not page.is_visible("#strip")


def test_file_of_unknown_format_is_sent_once(browser, address, settings):
    with open_page(browser, address, settings) as page:
        page.evaluate(
            """() => { const send = fetch; window.sizes = [];
               window.fetch = (path, options) => {
                 const {body} = options ?? {};
                 const photo = body instanceof FormData ? body.get("photo") : body;
                 sizes.push(photo?.size ?? 0);
                 return send(path, options); }; }"""
        )
        photo = make_gray(1800, 900, "TIFF")
        upload(page, photo, "scan.tif", "image/tiff")
        page.check("[name=mode][value=color]", force=True)
        page.locator("#board").click(position={"x": 60, "y": 60})
        settle(page)
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "scan.colorized.tif"
        content = Path(download.value.path()).read_bytes()
        assert open_image(content).size == (1800, 900)
        settle(page)
        assert sum(size == len(photo) for size in page.evaluate("sizes")) == 1
        assert page.evaluate("after.naturalWidth") == 1600


def test_file_is_sent_again_where_the_server_no_longer_keeps_it(browser, address, settings):
    with open_page(browser, address, settings) as page:
        with page.expect_response("**/preview*") as preview:
            upload(page, make_gray(90, 60, "TIFF"), "scan.tif", "image/tiff")
        token = preview.value.headers["colorize-token"]
        page.request.delete(f"{address}preview/{token}")
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == "scan.colorized.tif"
        settle(page)


def test_sample_photograph_can_be_tried(browser, address, settings):
    with open_page(browser, address, settings) as page:
        page.click("#sample-photo")
        page.wait_for_selector("#download:not([disabled])")
        settle(page)
        assert page.inner_text("#status") == "512 × 512 pixels"


def test_folder_takes_its_photographs_only(browser, address, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("2.png", "10.png", "sub/3.png"):
        (tmp_path / name).write_bytes(make_gray(90, 60))
    (tmp_path / "notes.txt").write_text("not a photograph")
    with open_page(browser, address) as page:
        page.set_input_files("#folder", str(tmp_path))
        settle(page)
        assert states(page) == ["item done"] * 3
