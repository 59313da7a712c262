"""The beginnings of prompts as a model remembers them: its keys and values, kept and put side by side.

A model that reads from left to right comes to the same keys and values for the same beginning, whatever follows it.
Positions are counted from each prompt's own start, so that padding in front of or behind a beginning changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """The beginning of a prompt. ``layers``: keys and values, each heads x positions x width, where the positions are
    those of ``tokens``, or in a layer of cross-attention those of the picture."""

    tokens: Tokens
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @property
    def size_bytes(self) -> int:
        """Of the keys and values."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)


@dataclass(frozen=True, slots=True, eq=False)
class PaddedBatch:
    """Prompts side by side: ``ids`` with ``mask`` (0: padding), prompts x positions, the first ``known`` positions of
    which are in ``past``. Every prompt ends at the last position."""

    ids: torch.Tensor
    mask: torch.Tensor
    known: int
    past: DynamicCache

    @property
    def positions(self) -> torch.Tensor:
        """Where in its own prompt every token stands."""
        return (self.mask.cumsum(1) - 1).clamp(min=0)


def common(one: Tokens, other: Tokens) -> int:
    """How many tokens both begin with."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if differing.size else length


def pad_batch(prompts: Sequence[Tokens], pad: int, device: torch.device) -> PaddedBatch:
    """``prompts`` side by side, nothing of them known yet."""
    return _pad(prompts, [0] * len(prompts), DynamicCache(), pad, device)


def pad_batch_on_prefixes(
    prompts: Sequence[Tokens], prefixes: Sequence[Prefix], cross_layers: frozenset[int], pad: int, device: torch.device
) -> PaddedBatch:
    """``prompts`` side by side, each on as much of its prefix as it shares, its last token never: a model says what
    comes next only after a token that it reads."""
    known = [common(prefix.tokens, tokens[:-1]) for prefix, tokens in zip(prefixes, prompts, strict=True)]
    return _pad(prompts, known, DynamicCache(_stacked(prefixes, known, cross_layers)), pad, device)


def split_cache(batch: PaddedBatch, cross_layers: frozenset[int]) -> list[Prefix]:
    """The prompts that a model has just read, one by one, without padding. Nothing is left in ``batch.past``, so that
    the memory of a batch is not needed twice."""
    rows = list(batch.mask.bool())
    layers: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in rows]
    read: Sequence[Any] = batch.past.layers
    for number, layer in enumerate(read):
        for row, there in enumerate(rows):
            keys, values = layer.keys[row], layer.values[row]
            # Copies either way: a view would keep the whole batch alive.
            whole = number in cross_layers
            layers[row].append((keys.clone(), values.clone()) if whole else (keys[:, there], values[:, there]))
        layer.reset()
    ids = [batch.ids[row][there].cpu().numpy() for row, there in enumerate(rows)]
    return [Prefix(tokens, tuple(own)) for tokens, own in zip(ids, layers, strict=True)]


def _pad(
    prompts: Sequence[Tokens], known: Sequence[int], past: DynamicCache, pad: int, device: torch.device
) -> PaddedBatch:
    parts = [[tokens[:count] for tokens, count in zip(prompts, known, strict=True)]]
    parts += [[tokens[count:] for tokens, count in zip(prompts, known, strict=True)]]
    ids, mask = [], []
    for part in parts:
        rows = [torch.from_numpy(tokens) for tokens in part]
        ids.append(pad_sequence(rows, batch_first=True, padding_value=pad, padding_side="left"))
        mask.append(pad_sequence([torch.ones_like(row) for row in rows], batch_first=True, padding_side="left"))
    return PaddedBatch(torch.cat(ids, 1).to(device), torch.cat(mask, 1).to(device), max(known), past)


def _stacked(
    prefixes: Sequence[Prefix], known: Sequence[int], cross_layers: frozenset[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Keys and values layer by layer: one layer's copies at a time."""
    for number in range(len(prefixes[0].layers)):
        keys, values = ([prefix.layers[number][side] for prefix in prefixes] for side in (0, 1))
        if number in cross_layers:
            yield torch.stack(keys), torch.stack(values)
        else:
            yield _to_the_right(keys, known), _to_the_right(values, known)


def _to_the_right(rows: Sequence[torch.Tensor], known: Sequence[int]) -> torch.Tensor:
    """The first ``known`` positions of every row, with zeros in front of them where others have more."""
    heads, _, width = rows[0].shape
    stacked = rows[0].new_zeros(len(rows), heads, max(known), width)
    for into, row, count in zip(stacked, rows, known, strict=True):
        into[:, max(known) - count :] = row[:, :count]
    return stacked
