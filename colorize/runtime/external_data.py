"""Tensors that an ONNX model names but does not hold: to copy them into it takes long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, numpy_helper

Array = npt.NDArray[Any]

LARGE = 1 << 12  # bytes; what is smaller may be needed to understand the model


def initializers(constants: dict[str, Array], apart: dict[str, Array] | None) -> list[Any]:
    """Return the tensors of a model; those of many numbers go to `apart`, where it is given.

    The model then only names them: the session has to be given them.
    """
    if apart is None:
        return [numpy_helper.from_array(array, name) for name, array in constants.items()]
    for name, array in constants.items():
        if array.nbytes > LARGE and array.dtype == np.float32:
            apart[name] = array
    return [
        _named(name, array) if name in apart else numpy_helper.from_array(array, name)
        for name, array in constants.items()
    ]


def _named(name: str, array: Array) -> Any:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="given to the session")
    return tensor
