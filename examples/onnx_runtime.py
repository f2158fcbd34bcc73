"""Color a photograph by an exported network in ONNX Runtime.

    python -m colorize.export --to onnx -o compact.onnx
    python examples/onnx_runtime.py compact.onnx imgs/chelsea.jpg chelsea.png

Needs onnxruntime, NumPy and Pillow; nothing of the package that exported the file.
"""

import json
import sys

import exported_steps as steps
import onnxruntime


def main(model: str, source: str, target: str) -> None:
    """Write the photograph `source` in color as `target`."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    settings = json.loads(session.get_modelmeta().custom_metadata_map["colorize"])
    image = steps.photograph(source)
    names = [node.name for node in session.get_inputs()]
    feed = dict(zip(names, steps.inputs(image, settings), strict=True))
    output = session.run(None, feed)[0]
    steps.colored(image, steps.colors(output, settings)).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
