"""ONNX files that would hang, read other files or fill the memory are refused unread."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colorize.errors import ColorizeError
from colorize.runtime.load import load_runner
from colorize.runtime.onnx_file import check_onnx_file

VALUE = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
WEIGHT = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
ADD = helper.make_node("Add", ["x", "w"], ["y"])


def graph(nodes: list[onnx.NodeProto], **parts: object) -> onnx.GraphProto:
    return helper.make_graph(nodes, "g", [VALUE], [VALUE], **parts)


def endless_loop() -> onnx.NodeProto:
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    body = helper.make_graph([], "body", [VALUE, condition], [condition, VALUE])
    return helper.make_node("Loop", ["n", "c", "x"], ["y"], body=body)


def external() -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def sparse() -> onnx.SparseTensorProto:
    index = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    return helper.make_sparse_tensor(WEIGHT, index, [1 << 40])


RUN = """
import sys
from pathlib import Path
import numpy as np
from colorize.errors import ColorizeError
from colorize.runtime import onnx_runner
from colorize.runtime.oom import OomSafeRunner

onnx_runner.MEMORY_SHARE = 1e-3
metadata = onnx_runner.load().metadata
runner = OomSafeRunner(onnx_runner.OnnxRunner(Path(sys.argv[1]), "m", metadata=metadata))
try:
    runner(np.zeros((1, 1, 64, 64), np.float32))
except ColorizeError as error:
    print(error)
"""


def saved(file: Path, content: onnx.GraphProto, **parts: object) -> Path:
    file.write_bytes(helper.make_model(content, **parts).SerializeToString())
    return file


def test_a_plain_graph_is_taken(tmp_path: Path) -> None:
    check_onnx_file(saved(tmp_path / "m.onnx", graph([ADD], initializer=[WEIGHT])))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (graph([endless_loop()]), "loop"),
        (graph([ADD], initializer=[external()]), "another file"),
        (graph([helper.make_node("Constant", [], ["y"], value=external())]), "another file"),
        (graph([ADD], sparse_initializer=[sparse()]), "sparse"),
        (graph([helper.make_node("Constant", [], ["y"], sparse_value=sparse())]), "sparse"),
    ],
    ids=["loop", "external weights", "external constant", "sparse weights", "sparse constant"],
)
def test_bombs_are_refused(content: onnx.GraphProto, reason: str, tmp_path: Path) -> None:
    file = saved(tmp_path / "m.onnx", content)
    with pytest.raises(ColorizeError, match=reason) as caught:
        load_runner(weights=file)
    assert "\n" not in str(caught.value)


def test_functions_are_refused(tmp_path: Path) -> None:
    function = helper.make_function(
        "own", "F", ["x"], ["y"], [endless_loop()], [helper.make_opsetid("", 18)]
    )
    file = saved(tmp_path / "m.onnx", graph([ADD]), functions=[function])
    with pytest.raises(ColorizeError, match="functions"):
        check_onnx_file(file)


def test_cut_files_are_damaged(tmp_path: Path) -> None:
    content = saved(tmp_path / "m.onnx", graph([ADD], initializer=[WEIGHT])).read_bytes()
    (tmp_path / "m.onnx").write_bytes(content[:-3])
    with pytest.raises(ColorizeError, match="damaged"):
        check_onnx_file(tmp_path / "m.onnx")


def test_operators_get_no_more_than_their_share_of_the_memory(tmp_path: Path) -> None:
    # in a process of its own: the limit holds for the process
    number = onnx.numpy_helper.from_array(np.array([1 << 20, 1, 1, 1]), "n")
    lightness = helper.make_tensor_value_info("lightness", TensorProto.FLOAT, [1, 1, 64, 64])
    expand = helper.make_node("Expand", ["lightness", "n"], ["y"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    content = helper.make_graph([expand], "g", [lightness], [y], initializer=[number])
    version = {"opset_imports": [helper.make_opsetid("", 18)], "ir_version": 9}
    file = saved(tmp_path / "m.onnx", content, **version)
    run = subprocess.run([sys.executable, "-c", RUN, file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "not enough memory" in run.stdout
