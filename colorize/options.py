"""Every setting of the tool, described once.

The arguments of the commands, the parameters of the server and their OpenAPI description, the
fingerprint in a manifest and the keywords of the library derive from the fields of
`ColorizeOptions`, `OutputOptions` and `VideoOptions`. To add a setting, add a field here and use
its value in one step of `steps`.

>>> options = ColorizeOptions(style="faithful", saturation=1.2)
>>> options = options.replace(size=512)

Importing this module is quick: it needs neither torch nor NumPy nor Pillow.
"""

# No `from __future__ import annotations`: `option_fields` reads the types of the fields.

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from colorize.errors import ColorizeError
from colorize.option_fields import Options, option

if TYPE_CHECKING:
    from colorize.hints.format import Hint
    from colorize.io.photo import Photo
    from colorize.models.metadata import ModelMetadata, StyleSettings

DEFAULT_STYLE = "vivid"
INPUT_SIZE = 256  # pixels, height and width of the input that most networks expect
MAX_INPUT_SIZE = 2048
MAX_SAMPLES = 1000
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class ColorizeOptions(Options):
    """How a photograph is colorized."""

    size: int | None = option(
        None, "height and width of the network's input, in pixels",
        minimum=8, maximum=MAX_INPUT_SIZE,
        default_text=f"{INPUT_SIZE}; compact: and 512 above a megapixel; ddcolor: 512",
    )  # fmt: skip
    style: Literal["vivid", "faithful"] | None = option(
        None, "preset of the next five options; faithful gives calmer, more probable colors",
        default_text=DEFAULT_STYLE, needs="distribution",
    )  # fmt: skip
    temperature: float | None = option(
        None, "below 1 favors the most probable colors, above 1 blends more of them",
        minimum=0.01, maximum=10, default_text="the style's", needs="distribution",
    )  # fmt: skip
    rebalance: float | None = option(
        None, "how strongly rare colors are favored: 1 as in training, 0 at natural frequencies",
        minimum=0, maximum=1, default_text="the style's", needs="class_weights",
    )  # fmt: skip
    rare_color_boost: float | None = option(
        None, "extra weight of rare colors where the network finds them likely; useful up to 0.1",
        minimum=0, maximum=1, default_text="the style's", needs="prior", aliases=("rarity",),
    )  # fmt: skip
    coherence: float | None = option(
        None, "bilateral smoothing of the color distribution; reduces blotches",
        minimum=0, maximum=1, default_text="the style's", needs="distribution",
    )  # fmt: skip
    certain_color_boost: float | None = option(
        None, "extra chroma where the network is certain of the hue",
        minimum=0, maximum=1, default_text="the style's", needs="distribution",
    )  # fmt: skip
    saturation: float = option(
        1.0, "multiplies the strength of all colors; 0 is gray", minimum=0, maximum=3
    )
    warmth: float = option(
        0.0, "shifts all colors toward orange, or below 0 toward blue, by this many ab units",
        minimum=-30, maximum=30,
    )  # fmt: skip
    neutral: str | None = option(
        None, "column and row X,Y of a pixel that was gray: all colors are shifted so that it is",
        consumers=("command",),
    )  # fmt: skip
    upsampling: Literal["guided", "bilinear"] = option(
        "guided", "enlarge colors along the edges of the photograph (guided) or smoothly (bilinear)"
    )
    autocontrast: bool = option(False, "stretch the contrast of faded photographs first")
    borders: Literal["gray", "color"] = option(
        "gray", "plain borders of prints and negatives stay gray, unseen by the network (gray), or "
        "are part of the picture (color)"
    )  # fmt: skip
    hints: "Sequence[Hint] | Photo | str | os.PathLike[str] | None" = option(
        None, "colors of some points of one photograph: lines of x,y,#rrggbb[,radius] in pixels, "
        "or a transparent PNG painted over it; see docs/control.md",
        is_file=True, consumers=("command", "server"),
    )  # fmt: skip
    hint_scope: Literal["object", "cast"] = option(
        "object", "what hints change: the thing that they are on (object), or also the color cast "
        "of the whole photograph (cast)",
        needs="propagation", aliases=("hints_reach",), consumers=("command", "server"),
    )  # fmt: skip
    reference: "Photo | str | os.PathLike[str] | None" = option(
        None, "color photograph whose palette the results are drawn toward",
        is_file=True, needs="distribution", consumers=("command", "server"),
    )  # fmt: skip
    sample: int | None = option(
        None, "number of a random alternative colorization",
        minimum=1, maximum=MAX_SAMPLES, default_text="the most probable colors",
        needs="distribution", consumers=("server",),
    )  # fmt: skip
    seed: int = option(
        0, "seed of the random samples", minimum=0, maximum=MAX_SEED,
        needs="distribution", consumers=("command", "server"),
    )  # fmt: skip

    def resolve_style(self, network: "ModelMetadata") -> "StyleSettings | None":
        """Return how the logits of a network are decoded, None if it predicts none.

        The colors of a sample are drawn, not a mean, so nothing has pulled them toward gray that
        certain_color_boost would have to make up for.

        Raises ColorizeError for a setting that cannot act on the network.
        """
        self.require_support(network)
        if self.size is not None and self.size % network.size_divisor:
            multiple = network.size_divisor
            raise ColorizeError(f"size {self.size}: this network needs a multiple of {multiple}")
        if network.output != "logits":
            return None
        name = self.style or DEFAULT_STYLE
        if name not in network.styles:
            raise ColorizeError(
                f"style {name}: needs the natural frequencies of colors, which these weights do "
                "not record; leave it out, or set temperature or saturation"
            )
        names = [each.name for each in dataclasses.fields(network.styles[name])]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.sample is not None:
            given["certain_color_boost"] = 0.0
        return dataclasses.replace(network.styles[name], **given)


@dataclass(frozen=True)
class OutputOptions(Options):
    """What is written."""

    format: str | None = option(
        None, "format of the output: jpeg, png, tiff, webp, ...",
        default_text="by the suffix", consumers=("command", "server"),
    )  # fmt: skip
    quality: int | None = option(
        None, "quality of lossy formats", minimum=1, maximum=100,
        default_text="95 for JPEG; see docs/formats.md", consumers=("command", "server"),
    )  # fmt: skip
    compare: Literal["side-by-side", "split"] | None = option(
        None, "show before and after: side by side, or split, with half of each",
        default_text="only after", bare_value="side-by-side", consumers=("command", "server"),
        former_choices={"side": "side-by-side"},
    )  # fmt: skip
    mark: bool = option(
        False, "draw the word colorized, small, into the corner at the lower right",
        consumers=("command", "server"),
    )  # fmt: skip
    no_mark: bool = option(
        False, "leave out of the metadata that the colors are computed, how, and from which file",
        consumers=("command", "server"),
    )  # fmt: skip
    samples: int | None = option(
        None, "write N different colorizations: out-1.png ... out-N.png",
        minimum=1, maximum=MAX_SAMPLES, needs="distribution", consumers=("command",),
        affects_output=False,
    )  # fmt: skip
    confidence: bool = option(
        False, "return a map of how certain the network is, in place of the colors",
        needs="distribution", consumers=("server",),
    )  # fmt: skip
    max_pixels: int | None = option(
        None, "refuse larger photographs", minimum=1, default_text="500 million pixels",
        consumers=("command",), affects_output=False,
    )  # fmt: skip
    max_pages: int | None = option(
        None, "refuse files of more pages or frames", minimum=1, default_text="1000",
        consumers=("command",), affects_output=False,
    )  # fmt: skip
    allow_damaged: bool = option(
        False, "take what can be decoded of damaged photographs, with a note",
        consumers=("command",),
    )  # fmt: skip


@dataclass(frozen=True)
class VideoOptions(Options):
    """How videos are encoded."""

    codec: Literal["h264", "hevc", "vp9", "av1", "ffv1"] | None = option(
        None, "video codec", default_text="h264, in .webm vp9", consumers=("command",)
    )
    crf: int | None = option(
        None, "constant rate factor of the video, lower is better", minimum=0, maximum=63,
        default_text="18 for h264; see docs/video.md", consumers=("command",),
    )  # fmt: skip
    start: float | None = option(
        None, "begin at this time of the video, in seconds or as HH:MM:SS.mmm (also -ss)",
        minimum=0, is_time=True, aliases=("-ss",), consumers=("command",),
    )  # fmt: skip
    duration: float | None = option(
        None, "colorize only this much of the video, in seconds or as HH:MM:SS.mmm (also -t)",
        minimum=0.01, is_time=True, aliases=("-t",), consumers=("command",),
    )  # fmt: skip
    preview: int | None = option(
        None, "instead of the video, write a sheet of N frames across it, before and after",
        minimum=1, maximum=48, bare_value=6, consumers=("command",),
    )  # fmt: skip
    audio: Literal["copy", "aac", "none"] = option(
        "copy", "sound of videos: keep it as it is, convert other codecs to AAC, or leave it out",
        consumers=("command",),
    )  # fmt: skip
    deinterlace: bool = option(
        False, "make interlaced videos progressive (FFmpeg's bwdif)", consumers=("command",)
    )
