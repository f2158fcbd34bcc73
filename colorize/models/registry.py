"""The networks by name: their weights files, architectures and licenses.

This is the only list of networks. To add one, add its module and a row here; commands, library,
server and evaluation offer it. Importing this module does not import torch, so that listing and
fetching weights is quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorize.errors import ColorizeError

# `colorize --help` lists the networks, so this module imports as little as it can: pathlib,
# platformdirs and hashlib take a third of the start.
if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from colorize.models.base import Network

CACHE_VARIABLE = "COLORIZE_CACHE"  # environment variable that moves the cache folder
RELEASE_URL = "https://colorizers.s3.us-east-2.amazonaws.com/"
MIRROR_VARIABLE = "COLORIZE_MIRROR"  # environment variable with an address to try first
HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"  # environment variable that names a mirror, as for huggingface_hub
HUB_URL = f"{HUB}/piddnad/"
SIZE_TOLERANCE = 1 << 20  # bytes that a download may be longer than the table says


@dataclass(frozen=True)
class Model:
    """One network: its architecture, and where its weights come from.

    Attributes:
        name: What users call it.
        architecture: What its metadata and the headers of its weights files call it.
        network: The class, a `models.base.Network`, or its import path, "module:class".
        file: Name of the weights file.
        sha256: Of the weights file, in hexadecimal.
        size: Of the weights file in bytes.
        license: License of the weights.
        description: One line for `colorize models list`.
        parameters: How many there are.
        seconds: What a photograph takes at the network's own size with ONNX Runtime on one core
            of the machine of docs/networks.md; 0 where it was not measured.
        url: Address to download the weights from; None if they are bundled with the package.
        signature: Name of a tensor that only weights of this architecture hold, to recognize
            files without a header.
        skeleton: Whether the package has its ONNX graph without weights, see `runtime.skeleton`.
        bin_centers: Name of the tensor that holds the bin centers, (2, Q, 1, 1) in units of 110
            ab; None for the 313 bins of `color.quantization`.
        torch_throughput: Whether torch is faster than ONNX Runtime for several photographs on a
            CPU that multiplies bfloat16.
        trainable: Whether `colorize train` trains it.
    """

    name: str
    architecture: str
    network: str | type[Network]
    file: str
    sha256: str
    size: int
    license: str
    description: str
    parameters: int = 0
    seconds: float = 0
    url: str | None = None
    signature: str | None = None
    skeleton: bool = False
    bin_centers: str | None = None
    torch_throughput: bool = False
    trainable: bool = False

    @property
    def cost(self) -> str:
        """Parameters, size of the weights file and time, for lists."""
        known = [f"{self.parameters / 1e6:.0f} M parameters"] if self.parameters else []
        known.append(f"{self.size / 1e6:.0f} MB")
        known += [f"{self.seconds:.2g} s on one core"] if self.seconds else []
        return ", ".join(known)

    @property
    def addresses(self) -> list[str]:
        """Where to download the weights from, in the order to try.

        Mirrors come first where the environment names some: one with the files of all networks
        under the names they have in the cache, and one of Hugging Face. None is built in: it would
        tell third parties, unasked, who downloads what.

        Raises ColorizeError for a mirror that is not an address.
        """
        if self.url is None:
            return []
        mirror, hub = _mirror(MIRROR_VARIABLE), _mirror(HUB_VARIABLE)
        mirrors = [f"{mirror}/{self.file}"] if mirror else []
        if hub and self.url.startswith(HUB):
            mirrors.append(hub + self.url.removeprefix(HUB))
        return [*mirrors, self.url]


def _mirror(variable: str) -> str:
    """Return the address that an environment variable holds, "" without one."""
    address = os.environ.get(variable, "").rstrip("/")
    if address and not address.startswith(("http://", "https://")):
        raise ColorizeError(f"{variable} is {address}: needs an address, https://...")
    return address


MODELS = {
    model.name: model
    for model in (
        Model(
            name="compact",
            architecture="compact",
            network="colorize.models.compact:Compact",
            file="compact.safetensors",
            sha256="4287c5e6cf828130063f7332475752d05e1469744ea640566340c013d611164b",
            size=12_823_754,
            license="BSD-2-Clause (encoder: Apache-2.0)",
            description="this project's own network, bundled; the default",
            parameters=6_392_009,
            seconds=0.04,
            signature="encoder.stem.weight",
            skeleton=True,
            trainable=True,
        ),
        Model(
            name="eccv16",
            architecture="eccv16",
            network="colorize.models.eccv16:ECCV16",
            file="colorization_release_v2-9b330a0b.pth",
            url=RELEASE_URL + "colorization_release_v2-9b330a0b.pth",
            sha256="9b330a0bae53f4ded77b1e23defbf78beaa09c10ebc4c4999e8e4f4a160b93f9",
            size=128_974_848,  # known to 0.1 MiB
            license="BSD-2-Clause",
            description="Colorful Image Colorization, Zhang et al., ECCV 2016",
            parameters=32_236_011,
            seconds=0.91,
            signature="model8.6.weight",
            skeleton=True,
            bin_centers="model_out.weight",
            torch_throughput=True,
            trainable=True,
        ),
        Model(
            name="siggraph17",
            architecture="siggraph17",
            network="colorize.models.siggraph17:SIGGRAPH17",
            file="siggraph17-df00044c.pth",
            url=RELEASE_URL + "siggraph17-df00044c.pth",
            sha256="df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66",
            size=136_787_426,
            license="BSD-2-Clause",
            description="Real-Time User-Guided Image Colorization, Zhang et al., SIGGRAPH 2017",
            parameters=34_187_027,
            seconds=1.9,
            signature="model10.1.weight",
            skeleton=True,
            torch_throughput=True,
            trainable=True,
        ),
        Model(
            name="ddcolor",
            architecture="ddcolor",
            network="colorize.models.ddcolor:DDColor",
            file="ddcolor_modelscope.bin",
            url=HUB_URL + "ddcolor_modelscope/resolve/060f67494e31883a4b13cb27f889f3154847ada4/"
            "pytorch_model.bin",
            sha256="d81711971ec59200da26d5e8a1afae8dd3778d495ea8ad7a7dadc769f403f7e7",
            size=911_914_869,
            license="Apache-2.0",
            description="DDColor, Kang et al., ICCV 2023, the authors' default: vivid colors",
            parameters=227_866_256,
            seconds=6.9,
            signature="encoder.arch.stages.2.26.gamma",
            skeleton=True,
        ),
        Model(
            name="ddcolor-artistic",
            architecture="ddcolor",
            network="colorize.models.ddcolor:DDColor",
            file="ddcolor_artistic.bin",
            url=HUB_URL + "ddcolor_artistic/resolve/aa10f72fffc89a6658e37b48556050b4d9a26f63/"
            "pytorch_model.bin",
            sha256="5a076e84efce59848394f572a105f7b78f7f6e917f615d1ee88537241b96dca3",
            size=911_914_869,
            license="Apache-2.0",
            description="DDColor trained on more pictures: calmer, fewer wrong patches",
            parameters=227_866_256,
            seconds=6.9,
            signature="encoder.arch.stages.2.26.gamma",
            skeleton=True,
        ),
        Model(
            name="ddcolor-paper",
            architecture="ddcolor",
            network="colorize.models.ddcolor:DDColor",
            file="ddcolor_paper.bin",
            url=HUB_URL + "ddcolor_paper/resolve/main/pytorch_model.bin",  # pinned by the hash
            sha256="5c77db8292398a2ec1397003f0a90266c28e97b013515d5e9a32e73a4c54a67d",
            size=911_914_869,  # that of the others, which have the same tensors
            license="Apache-2.0",
            description="DDColor as in the paper, for comparisons",
            parameters=227_866_256,
            seconds=6.9,
            signature="encoder.arch.stages.2.26.gamma",
            skeleton=True,
        ),
        Model(
            name="ddcolor-tiny",
            architecture="ddcolor-tiny",
            network="colorize.models.ddcolor:DDColorTiny",
            file="ddcolor_paper_tiny.bin",
            url=HUB_URL + "ddcolor_paper_tiny/resolve/cf9fd99c1d7472689ec7413441c1b799a51866a3/"
            "pytorch_model.bin",
            sha256="8a1277bc90a1bfbb6d2d83933a9a6bc821931879ca93e26e4fcec12165d41fce",
            size=220_372_845,
            license="Apache-2.0",
            description="DDColor with a small encoder",
            parameters=55_005_104,
            seconds=2.4,
            # in ddcolor's files too, whose own signature comes first
            signature="encoder.arch.stages.2.8.gamma",
            skeleton=True,
        ),
    )
}
DEFAULT_MODEL = "compact"


def available_models() -> list[Model]:
    """Return the networks that can be loaded by name, the default one first."""
    return list(MODELS.values())


def find(name: str) -> Model:
    """Return the network of that name. Raises ColorizeError for an unknown one."""
    if name not in MODELS:
        raise ColorizeError(f"no network is called {name!r}; available: {', '.join(MODELS)}")
    return MODELS[name]


def cache_folder() -> Path:
    """Return the folder of downloaded weights: $COLORIZE_CACHE or the platform's cache."""
    from pathlib import Path

    import platformdirs

    moved = os.environ.get(CACHE_VARIABLE)
    return Path(moved) if moved else platformdirs.user_cache_path("colorize", appauthor=False)


def cached_path(name: str) -> Path | None:
    """Return the network's weights file if it is on this machine, without verifying it."""
    model = find(name)
    file = cache_folder() / model.file if model.url else bundled_path(model.file)
    return file if os.path.isfile(file) else None  # never raises, unlike Path.is_file


def converted_path(name: str) -> Path:
    """Return where published weights are kept as safetensors after their first use."""
    file = find(name).file
    return cache_folder() / f"{os.path.splitext(file)[0]}.safetensors"


def weights_path(name: str) -> Path | None:
    """Return what the network can be used from without a download, unverified, or None."""
    downloaded, converted = cached_path(name), converted_path(name)
    return converted if downloaded is None and os.path.isfile(converted) else downloaded


def bundled_path(name: str) -> Path:
    """Return where a file of the top-level folder `weights` is.

    Inside the package when installed, next to it in a checkout or an editable install.
    """
    from pathlib import Path

    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "weights" / name, package.parent / "weights" / name
    return installed if installed.is_file() else checkout


def verify(name: str) -> Path:
    """Return the network's weights file on this machine after comparing its sha256.

    Downloads nothing. Raises ColorizeError if the file is missing or differs.
    """
    model, file = find(name), cached_path(name)
    if file is None:
        remedy = "download it first" if model.url else "install the package again"
        raise ColorizeError(f"the weights of {name} are not on this machine; {remedy}")
    found = hash_of_weights(file)
    if found != model.sha256:
        remedy = "delete it" if model.url else "install the package again"
        raise ColorizeError(f"{file}: sha256 is {found}, expected {model.sha256}; {remedy}")
    return file


def hash_of_weights(file: Path) -> str:
    """Return the file's sha256. Raises ColorizeError if it cannot be read."""
    from colorize.io.checksum import hash_file

    try:
        return hash_file(file)
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error


def ensure_weights(name: str, *, quiet: bool = False) -> Path:
    """Return the network's verified weights file, downloaded if it is missing or damaged.

    `quiet` hides the progress bar. Raises ColorizeError.
    """
    model, file = find(name), cached_path(name)
    if model.url is None:
        return verify(name)
    if file is None or hash_of_weights(file) != model.sha256:
        # Here, not above: what speaks HTTP is imported only where there is something to fetch.
        from colorize.models.download import download

        file = cache_folder() / model.file
        if not quiet:
            size = f"{model.size / 1e6:.0f} MB, license {model.license}"
            sys.stderr.write(f"downloading the weights of {name}: {size}\n")
        limit = model.size + SIZE_TOLERANCE
        download(model.addresses, file, model.sha256, limit, quiet=quiet)
    return file


def network_class(model: Model) -> type[Network]:
    """Return the class of the network."""
    if not isinstance(model.network, str):
        return model.network
    module, _, name = model.network.partition(":")
    found: type[Network] = getattr(importlib.import_module(module), name)
    return found


def load(
    name: str = DEFAULT_MODEL,
    weights: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
    *,
    quiet: bool = False,
) -> Network:
    """Return the torch network, ready for inference: evaluation mode, no gradients.

    weights: a file to use instead of the network's own; its hash is not known, so it is only
    checked to hold nothing but sound tensors of this architecture. Raises ColorizeError.
    """
    from pathlib import Path

    # Here, not above: torch takes seconds to import, and the rest of this module needs none.
    from colorize.models.serialization import ensure_safetensors, load_network

    model = find(name)
    file = ensure_safetensors(name, quiet=quiet) if weights is None else Path(weights)
    return load_network(file, model).to(device)
