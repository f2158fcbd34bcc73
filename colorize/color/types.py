"""Array types of the package's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # of any type of numbers
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Tensors = dict[str, Array]  # of a weights file, by name
