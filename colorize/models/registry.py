"""The networks by name: their weights files, architectures and licenses.

This is the only list of networks. To add one, add its module and a row here; commands, library,
server and evaluation offer it. Importing this module does not import torch, so that listing and
fetching weights is quick.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorize.errors import ColorizeError

if TYPE_CHECKING:
    import torch

    from colorize.models.base import Network

RELEASE_URL = "https://colorizers.s3.us-east-2.amazonaws.com/"
HUB = "https://huggingface.co"
HUB_URL = f"{HUB}/piddnad/"


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


MODELS = {
    model.name: model
    for model in (
        Model(
            name="compact",
            architecture="compact",
            network="colorize.models.compact:Compact",
            file="compact.safetensors",
            sha256="3aea66e5fbf646747cb982f3ec8a1a4703db9c63f8033ee67aa78f53252f3b89",
            size=12_823_602,
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

    weights: a file to use instead of the network's own, or its address with its hash. The hash of
    a file is not known, so it is only checked to hold nothing but sound tensors of this
    architecture. Raises ColorizeError.
    """
    from pathlib import Path

    # Here, not above: torch takes seconds to import, and the rest of this module needs none.
    from colorize.models.remote_weights import ensure_local
    from colorize.models.serialization import ensure_safetensors, load_network

    model = find(name)
    if weights is None:
        file = ensure_safetensors(name, quiet=quiet)
    else:
        file = Path(ensure_local(weights, quiet=quiet))
    return load_network(file, model).to(device)
