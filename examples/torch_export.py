"""Color a photograph by a network exported with torch.export.

    python -m colorize.export --to torch-export -o compact.pt2
    python examples/torch_export.py compact.pt2 imgs/chelsea.jpg chelsea.png

Needs torch, NumPy and Pillow; nothing of the package that exported the file.
"""

import json
import sys

import exported_steps as steps
import torch


def main(model: str, source: str, target: str) -> None:
    """Write the photograph `source` in color as `target`."""
    files = {"colorize.json": ""}
    network = torch.export.load(model, extra_files=files).module()
    settings = json.loads(files["colorize.json"])
    image = steps.photograph(source)
    with torch.inference_mode():
        output = network(*map(torch.from_numpy, steps.inputs(image, settings)))
    steps.colored(image, steps.colors(output.numpy(), settings)).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
