"""Make the pictures of both pages in docs/: python examples/screenshots.py OUT PHOTO...

OUT/page.jpg is the server's page with the first photograph, OUT/gallery.jpg the page that --gallery
writes of all of them, on a wide screen and, dark, on a phone. Needs Playwright and Chromium.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

COLORIZE = (sys.executable, "-m", "colorize")
GAP = 16  # pixels between two screens
WIDE = {"viewport": {"width": 720, "height": 576}}
PHONE = {"viewport": {"width": 288, "height": 576}, "color_scheme": "dark", "is_mobile": True}


def server_page(browser: Browser, photo: Path) -> Image.Image:
    """Return the server's page after it colorized a photograph and made versions of it."""
    command = (*COLORIZE, "serve", "--port", "0")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            address = next(word for line in server.stderr for word in line.split() if "://" in word)
            page = browser.new_page(viewport={"width": 1100, "height": 720})
            page.goto(address)
            page.locator("input[type=file]").first.set_input_files(photo)
            page.wait_for_selector("#download:not([disabled])")
            page.locator(".thumb img[src]").nth(5).wait_for()
            page.wait_for_load_state("networkidle")
            return Image.open(io.BytesIO(page.screenshot()))
        finally:
            server.terminate()


def gallery_page(browser: Browser, photos: list[Path]) -> Image.Image:
    """Return the gallery of photographs on both screens, side by side."""
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder, "page.html")
        inputs = Path(folder, "photographs")  # the page shows names from their common folder on
        inputs.mkdir()
        for photo in photos:
            shutil.copy(photo, inputs / photo.name)
        subprocess.run((*COLORIZE, "-i", inputs, "-o", folder, "--gallery", html), check=True)
        screens = []
        for settings in (WIDE, PHONE):
            page = browser.new_page(**settings)
            page.goto(html.as_uri())
            screens.append(Image.open(io.BytesIO(page.screenshot())))
    width = sum(screen.width for screen in screens) + GAP * (len(screens) - 1)
    picture = Image.new("RGB", (width, screens[0].height), "white")
    x = 0
    for screen in screens:
        picture.paste(screen, (x, 0))
        x += screen.width + GAP
    return picture


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        pages = {
            "page.jpg": server_page(browser, args.photos[0]),
            "gallery.jpg": gallery_page(browser, args.photos),
        }
        browser.close()
    for name, picture in pages.items():
        picture.convert("RGB").save(args.out / name, quality=88)


if __name__ == "__main__":
    main()
