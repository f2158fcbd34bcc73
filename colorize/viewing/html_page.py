"""Self-contained HTML pages: templates, their content security policy, pictures as data URIs."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Mapping

from PIL import Image

from colorize.color.bit_depth import to_uint8
from colorize.io.conversion import arrays_to_image
from colorize.io.photo import Photo

MAX_SIDE = 1280  # pixels, of a thumbnail's longer side
QUALITY = 82  # of JPEG
CONTENT_MARK = "<!-- content -->\n"


def template(name: str, texts: Mapping[str, str]) -> tuple[str, str]:
    """Return the HTML before and after the content of a page.

    Args:
        name: File of the template, in this package.
        texts: What stands in place of `{{name}}`, escaped here; `{{policy}}` is added.
    """
    from importlib import resources  # here, not above: it takes milliseconds

    page = resources.files("colorize.viewing").joinpath(name).read_text(encoding="utf-8")
    page = page.replace("{{policy}}", _policy(page))
    for key, text in texts.items():
        page = page.replace("{{" + key + "}}", html.escape(text))
    beginning, end = page.split(CONTENT_MARK)
    return beginning, end


def _policy(page: str) -> str:
    """Return a content security policy: only data URIs and the page's own style and script."""
    rules = ["default-src 'none'", "img-src data:"]
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        rules.append(f"{tag}-src 'sha256-{digest}'")
    return "; ".join(rules)


def thumbnail(photo: Photo, side: int = MAX_SIDE) -> Image.Image:
    """Return an 8-bit copy, L or RGB on white, of at most `side` pixels a side."""
    image = arrays_to_image(to_uint8(photo.pixels), photo.alpha)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if photo.alpha is None:
        return image
    white = Image.new(image.mode.rstrip("A"), image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def to_jpeg(image: Image.Image) -> bytes:
    """Return a thumbnail as a JPEG file."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=QUALITY, optimize=True)
    return content.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG file as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
