"""Tables and coefficients tell how a picture was compressed, and whether it was before."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn
from skimage import data

from unmask.inspection.jpeg import cosine_basis, estimate_quality, read_jpeg, standard_steps


def encode(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def decode(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def facts(content):
    with Image.open(io.BytesIO(content)) as image:
        return read_jpeg(image)


@pytest.fixture(scope="module")
def pristine():
    """A picture whose earlier compressions were averaged away."""
    image = Image.fromarray(data.astronaut())
    return np.asarray(image.resize((400, 400), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("quality", [1, 10, 25, 49, 50, 51, 75, 90, 95, 100])
def test_the_standard_tables_are_libjpegs(quality):
    with Image.open(io.BytesIO(encode(data.astronaut()[:64, :64], quality=quality))) as image:
        assert list(standard_steps(quality)) == list(image.quantization[0])
    assert estimate_quality(standard_steps(quality)) == (quality, True)


@pytest.mark.parametrize(
    ("options", "subsampling", "quality", "standard"),
    [
        ({"quality": 83}, "4:2:0", 83, True),
        ({"quality": 95, "subsampling": 0}, "4:4:4", 95, True),
        ({"qtables": [[9] * 64, [9] * 64]}, "4:2:0", None, False),  # a program with its own
    ],
)
def test_quality_and_chroma_are_named(options, subsampling, quality, standard):
    found = facts(encode(data.astronaut(), **options))
    assert found.subsampling == subsampling
    assert found.standard_tables is standard
    assert quality in {found.quality, None}
    assert ("standard" in found.describe()[0]) is standard


@pytest.mark.parametrize("quality", [60, 75, 85, 90, 95])
def test_one_compression_is_not_taken_for_two(pristine, quality):
    assert facts(encode(pristine, quality=quality)).compressed_before is None


@pytest.mark.parametrize(
    ("first", "last"), [(50, 75), (60, 90), (75, 90), (75, 95), (80, 95), (70, 80)]
)
def test_an_earlier_compression_is_found(pristine, first, last):
    twice = encode(decode(encode(pristine, quality=first)), quality=last)
    assert abs(facts(twice).compressed_before - first) <= 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64, 3), 200, np.uint8),  # too small to tell
        np.full((512, 512, 3), 255, np.uint8),  # every block is clipped
        np.full((512, 512, 3), 77, np.uint8),  # flat: no coefficient but 0
    ],
)
def test_nothing_is_said_of_pictures_without_traces(pixels):
    assert facts(encode(decode(encode(pixels, quality=60)), quality=90)).compressed_before is None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours_are_read(mode):
    buffer = io.BytesIO()
    Image.fromarray(data.astronaut()).convert(mode).save(buffer, "JPEG", quality=80)
    assert facts(buffer.getvalue()).quality == 80


def test_other_formats_have_no_tables(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(data.astronaut()[:32, :32]).save(path)
    with Image.open(path) as image:
        assert read_jpeg(image) is None


def test_the_cosine_transform_is_scipys():
    block = np.random.default_rng(0).normal(size=(8, 8))
    basis = cosine_basis(8)
    assert np.allclose(basis @ block @ basis.T, dctn(block, norm="ortho"))
