"""Near-duplicate pictures by perceptual hash."""

from collections.abc import Sequence
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from unmask.records import Pixels

NEAR_BITS: Final = 4
"""Pictures whose 64-bit hashes differ in at most this many bits count as near-duplicates.

Aligned faces share their layout: on 5,000 of them, 4 bits group pairs, 8 bits already chain 279
people together, so the bound is tighter than the 10 that is usual for free pictures.
"""
_BLOCK: Final = 2**24
"""Pairs that are compared at once: 128 MiB."""


def perceptual_hash(pixels: Pixels) -> np.uint64:
    """The 64-bit DCT hash of a picture of shape (H, W, 3) (imagehash.phash)."""
    bits = imagehash.phash(Image.fromarray(pixels)).hash.ravel()
    return np.uint64(int("".join("1" if bit else "0" for bit in bits), 2))


def near_pairs(
    left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], max_bits: int = NEAR_BITS
) -> npt.NDArray[np.intp]:
    """The pairs (index in left, index in right), shape (P, 2), that differ in few bits.

    Works in blocks of rows, so that memory does not grow with them.
    """
    found = []
    rows_at_once = max(1, _BLOCK // max(1, len(right)))
    for start in range(0, len(left), rows_at_once):
        block = left[start : start + rows_at_once, None] ^ right[None, :]
        rows, columns = np.nonzero(np.bitwise_count(block) <= max_bits)
        found.append(np.stack([rows + start, columns], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.intp)


def near_groups(hashes: Sequence[np.uint64], max_bits: int = NEAR_BITS) -> npt.NDArray[np.intp]:
    """The group number of each picture, shape (N,): near-duplicates, transitively, share one."""
    values = np.asarray(hashes, dtype=np.uint64)
    pairs = near_pairs(values, values, max_bits)
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(values), len(values)))
    groups: npt.NDArray[np.intp] = connected_components(graph, directed=False)[1].astype(np.intp)
    return groups


def linked_groups(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Two groupings of the same N samples as one, shape (N,): linked by either, transitively."""
    other = right + left.max(initial=-1) + 1
    size = int(other.max(initial=-1)) + 1
    ones = np.ones(len(left), dtype=bool)
    graph = coo_matrix((ones, (left, other)), shape=(size, size))
    groups: npt.NDArray[np.intp] = connected_components(graph, directed=False)[1].astype(np.intp)
    return groups[left]
