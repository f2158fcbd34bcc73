"""The color decoder of DDColor: learned queries that attend to an image's features.

A transformer decoder as in Cheng et al., *Masked-attention Mask Transformer for Universal Image
Segmentation*, CVPR 2022, without the masks.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from colorize.models.eccv16 import param_dtype

QUERIES = 100
WIDTH = 256  # of the queries
HEADS = 8
LAYERS = 9
INNER_WIDTH = 2048  # of the perceptrons


def sine_positions(x: torch.Tensor) -> torch.Tensor:
    """Return what encodes the position of each pixel of x (b, c, h, w): (h * w, 256), float32.

    128 sines and cosines of the row, then 128 of the column, both counted from 1 to 2π.
    """
    h, w = x.shape[-2:]
    half = WIDTH // 2
    pairs = torch.arange(half, device=x.device, dtype=torch.float32).div(2, rounding_mode="floor")
    divisors = 10_000 ** (2 * pairs / half)

    def encode(length: int) -> torch.Tensor:
        steps = torch.arange(1, length + 1, device=x.device, dtype=torch.float32)
        angles = (steps * (2 * math.pi) / (length + 1e-6))[:, None] / divisors
        return torch.stack((angles[:, 0::2].sin(), angles[:, 1::2].cos()), dim=2).flatten(1)

    rows = encode(h)[:, None, :].expand(h, w, half)
    columns = encode(w)[None, :, :].expand(h, w, half)
    return torch.cat((rows, columns), dim=2).flatten(0, 1)


class Attention(nn.Module):
    """Multi-head attention with the parameters of `nn.MultiheadAttention`.

    That class also returns the weights and wraps the same function in more cases than these.
    """

    def __init__(self) -> None:
        """Make the projections of query, key and value, and of the result."""
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.randn(3 * WIDTH, WIDTH) / WIDTH**0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return (b, n, 256) of a query (b, n, 256), and keys and values (b, m, 256)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        heads = [
            F.linear(x, weight, bias).view(x.shape[0], -1, HEADS, WIDTH // HEADS).transpose(1, 2)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        ]  # (b, 8, n or m, 32)
        attended = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        result: torch.Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return result


class CrossAttention(nn.Module):
    """The queries attend to pixels; residual."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.multihead_attn = Attention()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(
        self, x: torch.Tensor, embedding: torch.Tensor, memory: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        """Return queries of the shape of x; memory and key are (b, h * w, 256)."""
        result: torch.Tensor = self.norm(x + self.multihead_attn(x + embedding, key, memory))
        return result


class SelfAttention(nn.Module):
    """The queries attend to each other; residual."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.self_attn = Attention()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """Return queries of the shape of x."""
        result: torch.Tensor = self.norm(x + self.self_attn(x + embedding, x + embedding, x))
        return result


class FeedForward(nn.Module):
    """A perceptron for each query; residual."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.linear1 = nn.Linear(WIDTH, INNER_WIDTH)
        self.linear2 = nn.Linear(INNER_WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return queries of the shape of x."""
        result: torch.Tensor = self.norm(x + self.linear2(F.relu(self.linear1(x))))
        return result


class ColorEmbedding(nn.Module):
    """The perceptron after the last layer of the color decoder."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a color embedding for each query."""
        first, second, last = self.layers
        result: torch.Tensor = last(F.relu(second(F.relu(first(x)))))
        return result


class ColorDecoder(nn.Module):
    """100 learned queries that attend to the image at three sizes, coarse to fine, three times."""

    def __init__(self, inputs: tuple[int, ...]):
        """Make the layers; `inputs` are the channels of the features, coarse to fine."""
        super().__init__()
        self.query_feat = nn.Embedding(QUERIES, WIDTH)
        self.query_embed = nn.Embedding(QUERIES, WIDTH)
        self.level_embed = nn.Embedding(len(inputs), WIDTH)
        self.input_proj = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in inputs)
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttention() for _ in range(LAYERS)
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttention() for _ in range(LAYERS)
        )
        self.transformer_ffn_layers = nn.ModuleList(FeedForward() for _ in range(LAYERS))
        self.decoder_norm = nn.LayerNorm(WIDTH)
        self.color_embed = ColorEmbedding()

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """Return color embeddings (b, 100, 256) of features, coarse to fine."""
        memories, keys = [], []
        for x, project, level in zip(
            features, self.input_proj, self.level_embed.weight, strict=True
        ):
            memory = project(x.to(param_dtype(project))).flatten(2).transpose(1, 2) + level
            memories.append(memory)  # (b, h * w, 256)
            keys.append(memory + sine_positions(x).to(memory.dtype))
        queries = self.query_feat.weight.expand(features[0].shape[0], -1, -1)
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        embedding = self.query_embed.weight
        for i, (cross, among, feed_forward) in enumerate(layers):
            level = i % len(memories)
            queries = cross(queries, embedding, memories[level], keys[level])
            queries = feed_forward(among(queries, embedding))
        result: torch.Tensor = self.color_embed(self.decoder_norm(queries))
        return result
