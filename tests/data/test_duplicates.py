"""Near-duplicates are found, different pictures are not."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from unmask.data.duplicates import close_pairs, near_groups, near_pairs, perceptual_hash


def picture(seed):
    """A smooth random picture (128, 128, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


def recompressed(image):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=50)
    return Image.open(data).convert("RGB")


@pytest.mark.parametrize(
    "change",
    [
        recompressed,  # JPEG at quality 50
        lambda image: image.resize((64, 64)),  # half the size
        lambda image: image.filter(ImageFilter.GaussianBlur(1)),  # blurred
    ],
)
def test_delivery_does_not_hide_a_duplicate(change):
    image = picture(1)
    hashes = [perceptual_hash(np.asarray(each)) for each in (image, change(image), picture(2))]
    groups = near_groups(hashes)
    assert groups[0] == groups[1] != groups[2]


def test_pairs_equal_the_plain_definition():
    generator = np.random.default_rng(0)
    left = generator.integers(0, 2**63, 700, dtype=np.uint64)
    right = np.concatenate(
        [left[::7] ^ np.uint64(0b11), generator.integers(0, 2**63, 50, np.uint64)]
    )
    found = {(int(a), int(b)) for a, b in near_pairs(left, right, 2)}
    expected = {
        (a, b)
        for a in range(len(left))
        for b in range(len(right))
        if (int(left[a]) ^ int(right[b])).bit_count() <= 2
    }
    assert found == expected


def test_groups_are_transitive():
    chain = [np.uint64(0), np.uint64(0b1111), np.uint64(0b11111111), np.uint64(2**64 - 2**32)]
    groups = near_groups(chain, max_bits=4)
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_no_pictures_give_no_pairs():
    empty = np.empty(0, np.uint64)
    assert near_pairs(empty, empty).shape == (0, 2)


HASHES = st.lists(
    st.builds(
        lambda base, flips: np.uint64(base ^ sum(1 << bit for bit in flips)),
        st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF]),
        st.sets(st.integers(0, 63), max_size=7),
    ),
    max_size=30,
)


@given(left=HASHES, right=HASHES, max_bits=st.integers(0, 12))
def test_no_pair_is_missed_whatever_the_distance(left, right, max_bits):
    found = near_pairs(np.array(left, np.uint64), np.array(right, np.uint64), max_bits)
    assert [tuple(map(int, pair)) for pair in found] == [
        (a, b)
        for a in range(len(left))
        for b in range(len(right))
        if (int(left[a]) ^ int(right[b])).bit_count() <= max_bits
    ]


@given(hashes=HASHES, max_bits=st.integers(0, 12))
def test_every_pair_comes_once(hashes, max_bits):
    values = np.unique(np.array(hashes, np.uint64))
    pairs = [tuple(map(int, pair)) for block in close_pairs(values, max_bits) for pair in block]
    assert len(set(pairs)) == len(pairs)
    assert all(one < two for one, two in pairs)


def test_many_hashes_take_seconds():
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**64, 300_000, dtype=np.uint64)
    hashes[:1000] = hashes[-1000:] ^ np.uint64(0b1010)
    groups = near_groups(hashes)
    assert np.array_equal(groups[:1000], groups[-1000:])
    assert len(np.unique(groups)) == 299_000


def test_a_hundred_thousand_copies_are_one_group():
    hashes = np.full(100_000, 77, np.uint64)
    assert len(np.unique(near_groups(hashes))) == 1
