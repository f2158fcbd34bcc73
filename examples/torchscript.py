"""Color a photograph by an exported network in TorchScript.

    python -m colorize.export --to torchscript -o compact.pt
    python examples/torchscript.py compact.pt imgs/chelsea.jpg chelsea.png

Needs torch, NumPy and Pillow; nothing of the package that exported the file. The same file
runs in C++ with libtorch.
"""

import json
import sys

import exported_steps as steps
import torch


def main(model: str, source: str, target: str) -> None:
    """Write the photograph `source` in color as `target`."""
    files = {"colorize.json": ""}
    network = torch.jit.load(model, _extra_files=files)
    settings = json.loads(files["colorize.json"])
    image = steps.photograph(source)
    with torch.inference_mode():
        output = network(*map(torch.from_numpy, steps.inputs(image, settings)))
    steps.colored(image, steps.colors(output.numpy(), settings)).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
