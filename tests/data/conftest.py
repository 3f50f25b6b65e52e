"""Folders of tiny files that look like pictures and clips by their first bytes."""

import itertools

import pytest

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
_numbers = itertools.count()


def content(name):
    """Bytes that no other file has."""
    head = MP4 if name.endswith(".mp4") else JPEG
    return head + next(_numbers).to_bytes(4, "big")


@pytest.fixture
def make(tmp_path):
    """Write files below `data`: `{"real/{}.jpg": 3}` makes real/0.jpg, real/1.jpg, real/2.jpg."""

    def make_files(files, folder="data"):
        root = tmp_path / folder
        for pattern, count in files.items():
            for number in range(count):
                path = root / pattern.format(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content(path.name))
        return root

    return make_files
