"""The networks, with one shape of interface.

Each has `output` ("logits" over bins, or "ab"), `multiple` (of the input's height and width),
`hint_stride` (input pixels per hint pixel, None where it takes no hints) and
`forward(lightness, hints=None)`. Those that put out logits also have, for decoding them,
`bin_centers`, `class_weights`, `prior` (both None where unknown), `default_temperature` and
`default_rebalance`.
"""

from typing import TypeAlias

from colorize.models.compact import Compact
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17

Network: TypeAlias = Compact | ECCV16 | SIGGRAPH17
