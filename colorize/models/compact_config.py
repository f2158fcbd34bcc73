"""The sizes of `compact`, for torch and for ONNX Runtime. Without either."""

from __future__ import annotations

from colorize.color.quantization import NUM_BINS

Blocks = tuple[tuple[int, int, int, int], ...]  # (expansion, kernel, stride, channels) of each

# EfficientNet-Lite0's inverted residual blocks.
LITE0_BLOCKS: Blocks = (
    (1, 3, 1, 16),
    (6, 3, 2, 24), (6, 3, 1, 24),
    (6, 5, 2, 40), (6, 5, 1, 40),
    (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80),
    (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
    (6, 5, 2, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 5, 1, 192),
    (6, 3, 1, 320),
)  # fmt: skip
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


def skip_blocks(blocks: Blocks) -> tuple[int, ...]:
    """Return the positions of the last blocks at 1/4, 1/8, 1/16 and 1/32."""
    halving = [i for i, block in enumerate(blocks) if block[2] == 2]
    return (*(i - 1 for i in halving[1:]), len(blocks) - 1)


SKIP_BLOCKS = skip_blocks(LITE0_BLOCKS)  # (2, 4, 10, 15)
SKIP_CHANNELS = tuple(LITE0_BLOCKS[i][3] for i in SKIP_BLOCKS)

WIDTHS = (64, 112, 192, 256)  # of the bundled decoder, at 1/4, 1/8, 1/16 and 1/32
HINT_CHANNELS = 3  # a / 110, b / 110, mask
STATISTICS = NUM_BINS + 3  # histogram, its mask, mean chroma / 110, its mask
MULTIPLE = 32  # height and width of the input are multiples of this
HINT_STRIDE = 4  # hints have a quarter of the input's size
