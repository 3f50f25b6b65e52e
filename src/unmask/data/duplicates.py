"""Near-duplicate pictures by perceptual hash."""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, pairwise
from math import comb
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
_HASH_BITS: Final = 64
_SORT_COST: Final = 20.0
"""What sorting a value by a key costs, in comparisons of two values."""


def perceptual_hash(pixels: Pixels) -> np.uint64:
    """The 64-bit DCT hash of a picture of shape (H, W, 3) (imagehash.phash)."""
    bits = imagehash.phash(Image.fromarray(pixels)).hash.ravel()
    return np.uint64(int("".join("1" if bit else "0" for bit in bits), 2))


def near_pairs(
    left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], max_bits: int = NEAR_BITS
) -> npt.NDArray[np.intp]:
    """The pairs (index in left, index in right), shape (P, 2), that differ in few bits, sorted."""
    values, numbers = np.unique(np.concatenate([left, right]), return_inverse=True)
    lefts, rights = numbers[: len(left)], numbers[len(left) :]
    same = np.arange(len(values))
    found = [np.empty((0, 2), dtype=np.intp)]
    for block in chain([np.stack([same, same], axis=1)], close_pairs(values, max_bits)):
        for ones, twos in (block.T, block.T[::-1]):
            places, others = _spread(ones, twos, lefts, len(values))
            others, places = _spread(others, places, rights, len(values))
            found.append(np.stack([places, others], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs.astype(np.intp)


def near_groups(
    hashes: Sequence[np.uint64] | npt.NDArray[np.uint64], max_bits: int = NEAR_BITS
) -> npt.NDArray[np.intp]:
    """The group number of each picture, shape (N,): near-duplicates, transitively, share one."""
    values, numbers = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    groups = np.arange(len(values))
    for block in close_pairs(values, max_bits):
        ones, twos = groups[block].T
        if len(apart := np.flatnonzero(ones != twos)):
            groups = join_pairs(ones[apart], twos[apart], len(values))[groups]
    return groups[numbers].astype(np.intp)


def close_pairs(
    values: npt.NDArray[np.uint64], max_bits: int = NEAR_BITS
) -> Iterator[npt.NDArray[np.intp]]:
    """Blocks of pairs (P, 2) of places in values (N,) that differ in few bits.

    The first place is the smaller one; every pair comes once. Multi-index hashing (Norouzi, Punjani
    and Fleet 2014, "Fast Exact Search in Hamming Space with Multi-Index Hashing", arXiv 1307.2982)
    with several bands to a key: of `max_bits + r` bands at least r are free of differences, so that
    a pair agrees in one of the choices of r bands, and only values that share such a key are
    compared. The number r is the cheapest for N.
    """
    free = _choose_bands(len(values), max_bits)
    masks = _band_masks(max_bits + free)
    choices = list(combinations(masks, free))
    keys = [np.bitwise_or.reduce(np.array(choice, np.uint64)) for choice in choices]
    for number, key in enumerate(keys):
        masked = values & key
        order = np.argsort(masked, kind="stable")
        masked = masked[order]
        starts = np.arange(len(values))
        for step in range(1, len(values)):
            starts = starts[starts < len(values) - step]
            starts = starts[masked[starts] == masked[starts + step]]
            if not len(starts):
                break
            one, two = order[starts], order[starts + step]
            differing = values[one] ^ values[two]
            new = np.bitwise_count(differing) <= max_bits
            one, two, differing = one[new], two[new], differing[new]
            for earlier in keys[:number]:
                fresh = (differing & earlier) != 0
                one, two, differing = one[fresh], two[fresh], differing[fresh]
            if len(one):
                yield np.stack([np.minimum(one, two), np.maximum(one, two)], axis=1)


def _spread(
    values: npt.NDArray[np.intp],
    others: npt.NDArray[np.intp],
    numbers: npt.NDArray[np.intp],
    count: int,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """For each value every place in `numbers` that has it, and beside each what stood beside it."""
    sizes = np.bincount(numbers, minlength=count)
    firsts = np.cumsum(sizes) - sizes
    repeats = sizes[values]
    within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    places = np.argsort(numbers, kind="stable")[np.repeat(firsts[values], repeats) + within]
    return places, np.repeat(others, repeats)


def _choose_bands(count: int, max_bits: int) -> int:
    """How many of the bands make a key: few keys to sort by against few values that share one."""

    def cost(free: int) -> float:
        keys = comb(max_bits + free, free)
        alike: float = 2.0 ** (_HASH_BITS * free / (max_bits + free))
        return keys * count * (_SORT_COST + count / alike)

    return min(range(1, max(2, _HASH_BITS - max_bits + 1)), key=cost)


def _band_masks(bands: int) -> list[np.uint64]:
    """The bits of each band; every bit lies in one."""
    edges = [_HASH_BITS * band // bands for band in range(bands + 1)]
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def join_pairs(
    ones: npt.NDArray[np.intp], twos: npt.NDArray[np.intp], count: int
) -> npt.NDArray[np.intp]:
    """The component of each of `count` places that pairs of places join."""
    graph = coo_matrix((np.ones(len(ones), dtype=bool), (ones, twos)), shape=(count, count))
    components: npt.NDArray[np.intp] = connected_components(graph, directed=False)[1]
    return components.astype(np.intp)


def linked_groups(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Two groupings of the same N samples as one, shape (N,): linked by either, transitively."""
    other = right + left.max(initial=-1) + 1
    return join_pairs(left, other, int(other.max(initial=-1)) + 1)[left]
