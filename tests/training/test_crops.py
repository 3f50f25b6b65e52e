"""Training sees the pixels that detection sees, and broken files cost nothing but themselves."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError
from unmask.media.faces import CropGeometry, MtcnnFinder, crop_face
from unmask.media.images import read_image
from unmask.media.samples import make_samples
from unmask.training.crops import build_crops


@pytest.fixture
def folder(tmp_path):
    """A face, its mirror image, a picture without a face, a broken file."""
    face = data.astronaut()
    Image.fromarray(face).save(tmp_path / "face.png")
    Image.fromarray(face[:, ::-1]).save(tmp_path / "mirror.png")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return tmp_path


def table(folder, *names):
    return Manifest(tuple(Sample(str(folder / name), n % 2) for n, name in enumerate(names)))


def test_crops_equal_those_of_detection(folder):
    geometry = CropGeometry()
    store = build_crops(table(folder, "face.png", "mirror.png"), geometry, folder / "cache")
    pixels = read_image(folder / "face.png")
    expected = crop_face(pixels, MtcnnFinder().find(pixels)[0], geometry)
    assert np.array_equal(store.pixels[0], expected.pixels)
    assert store.pixels.shape == (2, 256, 256, 3)
    assert store.labels().tolist() == [0.0, 1.0]


def test_what_gives_no_crop_is_left_out_with_its_reason(folder):
    names = ("broken.jpg", "grey.png", "nowhere.jpg", "face.png")
    store = build_crops(table(folder, *names), CropGeometry(), folder / "cache")
    assert [sample.path for sample in store.manifest] == [str(folder / "face.png")]
    reasons = {row.path.rsplit("/")[-1]: row.reason.split(":")[0] for row in store.left_out}
    assert reasons == {
        "broken.jpg": "corrupt",
        "grey.png": "no_face",
        "nowhere.jpg": "missing",
    }


def test_an_earlier_call_is_taken_up_again(folder):
    manifest = table(folder, "face.png")
    first = build_crops(manifest, CropGeometry(), folder / "cache")
    files = {path: path.stat().st_mtime_ns for path in (folder / "cache").iterdir()}
    again = build_crops(manifest, CropGeometry(), folder / "cache")
    assert np.array_equal(first.pixels, again.pixels)
    assert {path: path.stat().st_mtime_ns for path in (folder / "cache").iterdir()} == files


def test_another_geometry_is_another_store(folder):
    manifest = table(folder, "face.png")
    build_crops(manifest, CropGeometry(), folder / "cache")
    small = build_crops(manifest, CropGeometry(size_px=64), folder / "cache")
    assert small.pixels.shape == (1, 64, 64, 3)


def test_nothing_usable_is_an_error(folder):
    with pytest.raises(DataError, match="none of 2 files gave a face crop"):
        build_crops(table(folder, "broken.jpg", "grey.png"), CropGeometry(), folder / "cache")


def test_the_frames_of_a_clip_are_one_group(folder):
    make_samples(folder)
    manifest = table(folder, "clip.mp4", "face.png")
    store = build_crops(manifest, CropGeometry(), folder / "cache", clip_frames=3)
    clip = str(folder / "clip.mp4")
    assert [sample.path for sample in store.manifest][:3] == [clip] * 3
    assert {sample.group for sample in store.manifest if sample.path == clip} == {clip}
    assert len(store.pixels) == 4
