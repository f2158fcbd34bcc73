"""What the golden tests colorize, and how: photographs, options and the command's outputs.

Only what users have is used here: the command and its options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.cli import main

PHOTOGRAPHS = Path(__file__).parents[2] / "imgs"
ALL = ("astronaut.jpg", "camera.jpg", "chelsea.jpg", "coffee.jpg")
TWO = ("chelsea.jpg", "coffee.jpg")
SMALL = ("small.png",)

FRAMES = 8  # of the film
SHOWN = (0, 1, 4, 7)  # the frames that are compared
FRAME = (160, 120)  # width and height

HINTS = """\
# a text file of hints
60,75,#d8602c          # the ear, with the radius of 1 %
150,40,#2858a0,6
200,130,#40a040,0
"""


@dataclass(frozen=True)
class Case:
    """One call of the command.

    photos: file names, in imgs/ or of `make_inputs`. options: {} stands for the folder of
    `make_inputs`, {out} for that of the outputs. full: whether whole pictures are compared,
    beside ab at 64×64. golden: whose golden data holds, this case's own if empty.
    lightness_kept: whether L is the photograph's. film: whether the output is a video, or a
    folder of frames, of which some frames count. needs: modules without which the case is
    skipped.
    """

    name: str
    photos: tuple[str, ...]
    options: tuple[str, ...] = ()
    full: bool = False
    golden: str = ""
    suffix: str = ".png"
    lightness_kept: bool = True
    film: bool = False
    slow: bool = False
    needs: tuple[str, ...] = ()


def _case(name: str, photos: tuple[str, ...], options: str = "", **more: object) -> Case:
    return Case(name, photos, tuple(options.split()), **more)  # type: ignore[arg-type]


CASES = (
    _case("default", ALL, full=True),
    _case(
        "onnx", ALL, "--backend onnx", full=True, golden="default",
        needs=("onnx", "onnxruntime"), slow=True,
    ),
    _case("torch", ALL, "--backend torch", full=True, golden="default", slow=True),
    _case("vivid", TWO, "--style vivid", golden="default"),
    _case("faithful", TWO, "--style faithful"),
    _case("mean", TWO, "--temperature 1"),
    _case("decided", TWO, "--temperature 0.1"),
    _case("rebalanced", TWO, "--rebalance 0.5"),
    _case("faithful-rebalanced", TWO, "--style faithful --rebalance 1 --temperature 0.38"),
    _case("no-rarity", TWO, "--rarity 0"),
    _case("more-rarity", TWO, "--rarity 0.6"),
    _case("incoherent", TWO, "--coherence 0"),
    _case("coherent", TWO, "--coherence 1"),
    _case("pale", TWO, "--saturation 0.5"),
    _case("strong", SMALL, "--saturation 3", full=True),
    _case("gray", SMALL, "--saturation 0", full=True),
    _case("size-128", TWO, "--size 128"),
    _case("size-384", ("chelsea.jpg",), "--size 384"),
    _case("bilinear", SMALL, "--upsampling bilinear", full=True),
    _case("small", SMALL, full=True),
    _case("jpeg", SMALL, full=True, suffix=".jpg", lightness_kept=False),
    _case("deep", ("deep.tif",), suffix=".tif"),
    _case("transparent", ("transparent.png",), full=True),
    _case("faded", ("faded.png",), "--autocontrast", full=True, lightness_kept=False),
    _case("flat", ("flat.png",), "--autocontrast", full=True, lightness_kept=False),
    _case("samples", ("coffee.jpg",), "--samples 2 --seed 7"),
    _case("more-samples", SMALL, "--samples 3"),
    _case("faithful-samples", SMALL, "--samples 1 --seed 3 --style faithful"),
    _case("hints", SMALL, "--hints {}/hints.txt", full=True),
    _case("many-hints", ("coffee.jpg",), "--hints {}/many.txt"),
    _case("painted", ("coffee.jpg",), "--hints {}/painted.png"),
    _case("hinted-samples", SMALL, "--hints {}/hints.txt --samples 1"),
    _case("reference", TWO, "--reference {}/reference.png"),
    _case("rare", TWO, "--rarity 1 --rebalance 1 --temperature 1"),
    _case(
        "confidence", SMALL, "--confidence {out}/small-map.png --style faithful",
        full=True, lightness_kept=False,
    ),
    _case("side", SMALL, "--compare", full=True, lightness_kept=False),
    _case("split", SMALL, "--compare split", full=True, lightness_kept=False),
    _case(
        "film", ("film.mkv",), "--codec ffv1", full=True, suffix=".mkv", film=True,
        lightness_kept=False, needs=("av", "cv2"), slow=True,
    ),
    _case(
        "sequence", ("frames",), "--sequence", full=True, golden="film", suffix="", film=True,
        lightness_kept=False, needs=("cv2",), slow=True,
    ),
)  # fmt: skip


def run(case: Case, inputs: Path, folder: Path) -> list[Path]:
    """Run the command on a case's photographs into `folder` and return the pictures, by name."""
    folder.mkdir(parents=True)
    photos = [str(photo_path(name, inputs)) for name in case.photos]
    if len(photos) > 1:
        target = [str(folder), "--format", "png"]
    else:
        target = [str(folder / (Path(photos[0]).stem + case.suffix))]
    options = [
        option.replace("{}", str(inputs)).replace("{out}", str(folder)) for option in case.options
    ]
    status = main(["-i", *photos, "-o", *target, *options, "--quiet"])
    assert status == 0, f"{case.name}: the command ended with {status}"
    if case.film:
        return _shown_frames(Path(target[0]), folder)
    return sorted(path for path in folder.iterdir() if path.is_file())


def photo_path(name: str, inputs: Path) -> Path:
    """Return where a photograph of a case is."""
    return PHOTOGRAPHS / name if name in ALL else inputs / name


def source_of(case: Case, output: Path, inputs: Path) -> Path:
    """Return the photograph that an output was made of: its name begins alike."""
    name = next(name for name in case.photos if output.stem.startswith(Path(name).stem))
    return photo_path(name, inputs)


def make_inputs(folder: Path) -> Path:
    """Write what the cases need beside imgs/ into a folder, and return it."""
    gray = np.asarray(Image.open(PHOTOGRAPHS / "chelsea.jpg").convert("L").reduce(2))
    Image.fromarray(gray).save(folder / "small.png")
    _write_transparent(gray, folder / "transparent.png")
    _write_deep(gray, folder / "deep.tif")
    _write_faded(gray, folder)
    (folder / "hints.txt").write_text(HINTS)
    (folder / "many.txt").write_text(_many_hints())
    _write_painting(folder / "painted.png")
    _write_reference(folder / "reference.png")
    _write_frames(folder / "frames")
    return folder


def _write_transparent(gray: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a photograph with an alpha that grows from 0 to 255 from left to right."""
    alpha = np.broadcast_to(np.linspace(0, 255, gray.shape[1]).astype(np.uint8), gray.shape)
    Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).save(path)


def _write_deep(gray: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a photograph of 16 bits that uses the levels between those of 8 bits."""
    between = np.arange(gray.shape[1]) % 256
    levels = gray.astype(np.uint16) * 256 + between.astype(np.uint16)
    Image.fromarray(levels).save(path)


def _write_faded(gray: npt.NDArray[np.uint8], folder: Path) -> None:
    """Write a faded photograph in a white frame, and a flatter one without.

    The first keeps all levels of chelsea.jpg, so that a slightly larger share of clipped pixels
    is another level.
    """
    chelsea = np.asarray(Image.open(PHOTOGRAPHS / "chelsea.jpg").convert("L"))
    faded = np.minimum(chelsea, 215) + 40
    Image.fromarray(np.pad(faded, 9, constant_values=250)).save(folder / "faded.png")
    flat = (110 + 0.12 * gray.astype(np.float64)).astype(np.uint8)
    Image.fromarray(flat).save(folder / "flat.png")


def _many_hints() -> str:
    """Return hints in rows and columns over coffee.jpg, of the radius of 1 % and unlike colors."""
    colors = "#d02020", "#2040d0", "#30a040"
    places = [(x, y) for y in range(25, 400, 50) for x in range(25, 600, 50)]
    return "".join(f"{x},{y},{colors[(x + y) // 50 % 3]}\n" for x, y in places)


def _write_painting(path: Path) -> None:
    """Write hints painted on a layer of half the size of coffee.jpg: a soft spot and a band.

    The band is more than can be spread: some of it is drawn at random.
    """
    y, x = np.mgrid[:200, :300]
    painting = np.zeros((200, 300, 4), np.uint8)
    painting[..., :3] = (200, 60, 90)
    distance = np.hypot(y - 110, x - 130)
    painting[..., 3] = np.clip(255 - 6 * distance, 0, 255).astype(np.uint8)
    band = painting[:70, 60:]
    band[..., 0], band[..., 1], band[..., 2:] = 40 + x[:70, 60:] // 2, 90, 255
    band[..., 2] -= y[:70, 60:].astype(np.uint8)
    Image.fromarray(painting).save(path)


def _write_reference(path: Path) -> None:
    """Write a picture of warm and green gradients, with parts of pure blue and green."""
    y, x = np.mgrid[:256, :256] / 255
    rgb = np.stack((0.9 - 0.5 * y, 0.3 + 0.5 * x, 0.2 + 0.3 * y * x), axis=2)
    rgb[200:, 160:] = (0, 0, 1)
    rgb[200:, :60] = (0, 1, 0)
    Image.fromarray((255 * rgb).astype(np.uint8)).save(path)


def _write_frames(folder: Path) -> None:
    """Write the frames of a film as pictures: a pan over coffee.jpg, with grain."""
    folder.mkdir()
    coffee = np.asarray(Image.open(PHOTOGRAPHS / "coffee.jpg").convert("L").reduce(2))
    random = np.random.default_rng(1)
    width, height = FRAME
    for number in range(FRAMES):
        top, left = 20 + 2 * number, 60 + 4 * number
        part = coffee[top : top + height, left : left + width].astype(np.float64)
        part += random.integers(-4, 5, part.shape)
        picture = Image.fromarray(part.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"frame-{number}.png")


def make_film(folder: Path) -> None:
    """Write the frames as a film without any loss; needs PyAV."""
    import av

    with av.open(str(folder / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=12)
        stream.width, stream.height = FRAME
        stream.pix_fmt = "bgr0"
        for number in range(FRAMES):
            picture = Image.open(folder / "frames" / f"frame-{number}.png").convert("RGB")
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")
            container.mux(stream.encode(frame.reformat(format="bgr0")))
        container.mux(stream.encode(None))


def _shown_frames(film: Path, folder: Path) -> list[Path]:
    """Return the frames that are compared, as pictures named frame-0.png and so on."""
    if film.is_dir():
        return [film / f"frame-{number}.png" for number in SHOWN]
    import av

    paths = []
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in SHOWN:
                paths.append(folder / f"frame-{number}.png")
                Image.fromarray(frame.to_ndarray(format="rgb24")).save(paths[-1])
    assert number + 1 == FRAMES, f"a film of {FRAMES} frames became one of {number + 1}"
    return paths


Runner = Callable[[Case], list[Path]]
