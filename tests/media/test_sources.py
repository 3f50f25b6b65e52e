"""Tests of unmask.media.sources."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.errors import MediaError
from unmask.media.sources import (
    MEDIA_EXTENSIONS,
    NamedFile,
    check_file,
    format_of,
    kind_of,
    sniff,
    walk,
)
from unmask.records import Kind

NOBODY = 65534
TS_PACKET = b"\x47" + bytes(187)
HEADS = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "png"),
    (b"GIF89a", "gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
    (b"II*\x00\x08\x00\x00\x00", "tiff"),
    (b"MM\x00+\x00\x08\x00\x00", "tiff"),  # BigTIFF
    (b"II*\x00\x10\x00\x00\x00CR\x02\x00", None),  # Canon raw in a TIFF coat
    (b"BM" + bytes(12) + b"\x28\x00\x00\x00", "bmp"),
    (b"BMW is a maker of cars, and this is a text", None),
    (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif", "avif"),
    (b"\x00\x00\x00\x1cftypavis\x00\x00\x00\x00avisavif", "avif"),  # a sequence: first picture
    (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif", "avif"),  # told by what it is kin to
    (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "heic"),
    (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "heic"),
    (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", None),  # Canon raw in an MP4 coat
    (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1", "mp4"),
    (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "mp4"),
    (b"\x00\x00\x00\x183gp4", None),
    (b"\x00\x00\x00\x18ftyp3gp5\x00\x00\x01\x003gp5isom", "mp4"),
    (b"\x00\x00\x08\x00moov\x00\x00\x00lmvhd", "mp4"),  # QuickTime without ftyp
    (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00", "matroska"),
    (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
    (TS_PACKET * 3, "mpegts"),
    ((bytes(4) + TS_PACKET) * 3, "mpegts"),  # Blu-ray's packets of 192 bytes
    (TS_PACKET + b"G for a text that starts with one", None),
    (b"\x00\x00\x01\xba\x44", "mpegps"),
    (b"FLV\x01\x05", "flv"),
    (b"OggS\x00\x02", "ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio"),
    (b"ID3\x04\x00", "audio"),
    (b"%!PS-Adobe-3.0 EPSF-3.0", None),
    (b"%PDF-1.7", None),
    (b"#EXTM3U\nhttp://example.org/a.ts", None),  # a playlist must never be followed
    (b"a text", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "name"), HEADS)
def test_sniff_tells_a_format_by_its_first_bytes(head, name):
    assert sniff(head) == name


@given(st.binary(max_size=64))
def test_sniff_answers_any_bytes(head):
    assert sniff(head) is None or sniff(head) == sniff(head + bytes(8))


def test_kind_of_files_and_bytes(tmp_path):
    path = tmp_path / "clip.jpg"  # the name does not count
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(20))
    assert kind_of(path) == Kind.VIDEO
    assert kind_of(str(path)) == Kind.VIDEO
    assert kind_of(b"GIF89a" + bytes(20)) == Kind.IMAGE
    assert format_of(path) == "matroska"


def _make_missing(path: Path):
    return path


def _make_below_a_file(path: Path):
    path.write_bytes(b"x")
    return path / "below"


def _make_empty(path: Path):
    path.touch()
    return path


def _make_folder(path: Path):
    path.mkdir()
    (path / "photo.jpg").write_bytes(b"x")
    return path


def _make_folder_without_media(path: Path):
    path.mkdir()
    (path / "notes.txt").write_bytes(b"x")
    return path


def _make_pipe(path: Path):
    os.mkfifo(path)
    return path


def _make_text(path: Path):
    path.write_text("not a picture")
    return path


def _make_sound(path: Path):
    path.write_bytes(b"fLaC" + bytes(40))
    return path


def _make_endless_link(path: Path):
    path.symlink_to(path)
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_make_missing, "missing"),
        (_make_below_a_file, "missing"),
        (_make_empty, "empty"),
        (_make_folder, "unreadable"),
        (_make_folder_without_media, "empty"),
        (_make_pipe, "unreadable"),  # opened, it would hang
        (_make_text, "unsupported"),
        (_make_sound, "no_video"),
        (_make_endless_link, "unreadable"),
    ],
)
def test_what_is_no_media_has_a_code(tmp_path, make, code):
    path = make(tmp_path / "input.jpg")
    with pytest.raises(MediaError) as caught:
        kind_of(path)
    assert caught.value.code == code
    assert "input.jpg" in str(caught.value)


@pytest.mark.parametrize("source", [b"", "nul\0byte.jpg", "/dev/null"])
def test_odd_sources_have_a_code(source):
    with pytest.raises(MediaError):
        kind_of(source)


@pytest.fixture
def unprivileged():
    """A folder of an ordinary user, who the test is while it runs."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    finally:
        os.seteuid(user)


def test_a_file_without_permission_is_unreadable(unprivileged):
    path = unprivileged / "secret.jpg"
    path.write_bytes(b"GIF89a")
    path.chmod(0)
    with pytest.raises(MediaError) as caught:
        kind_of(path)
    assert caught.value.code == "unreadable"


def test_check_file_gives_the_size(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(7))
    assert check_file(path) == 7


def _touch(root: Path, *names: str):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_walk_yields_the_media_of_a_folder_and_counts_the_rest(tmp_path):
    _touch(tmp_path, "b.JPG", "a.png", "c.mp4", "notes.txt", "more.TXT", "README", "sub/d.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = walk([str(tmp_path)])
    assert [Path(source).name for source in found] == ["a.png", "b.JPG", "c.mp4"]
    assert found.skipped == {
        ".txt": 2,
        "no extension": 1,
        "folder": 1,
        "pipe, socket or device": 1,
    }
    assert len(list(found)) == 3  # a second pass counts anew
    assert found.skipped[".txt"] == 2


def test_walk_goes_down_with_recursive(tmp_path):
    _touch(tmp_path, "z.jpg", "b/2.jpg", "b/deep/3.jpg", "a/1.jpg", "a/x.txt")
    found = walk([tmp_path], recursive=True)
    below = [os.path.relpath(source, tmp_path) for source in found]
    assert below == ["z.jpg", "a/1.jpg", "b/2.jpg", "b/deep/3.jpg"]
    assert found.skipped == {".txt": 1}


@pytest.mark.parametrize(
    ("given_path", "expected"),
    [
        (".", "./a.jpg"),
        ("./folder", "./folder/b.jpg"),
        ("folder/", "folder/b.jpg"),
        ("folder/../folder", "folder/../folder/b.jpg"),
        ("link", "link/b.jpg"),  # not resolved
    ],
)
def test_walk_keeps_the_path_as_given(tmp_path, monkeypatch, given_path, expected):
    _touch(tmp_path, "a.jpg", "folder/b.jpg")
    (tmp_path / "link").symlink_to("folder")
    monkeypatch.chdir(tmp_path)
    assert list(walk([given_path])) == [expected]


def test_walk_yields_named_files_whatever_their_name_in_order(tmp_path):
    _touch(tmp_path, "b.xyz", "a.jpg")
    paths = [str(tmp_path / name) for name in ("b.xyz", "missing.jpg", "a.jpg", "a.jpg")]
    assert list(walk(paths)) == paths


def test_walk_follows_links_to_files_and_answers_dangling_ones(tmp_path):
    _touch(tmp_path, "elsewhere/real.jpg", "folder/own.jpg")
    folder = tmp_path / "folder"
    (folder / "link.jpg").symlink_to("../elsewhere/real.jpg")
    (folder / "dangling.png").symlink_to("nowhere.png")
    names = [Path(source).name for source in walk([str(folder)])]
    assert names == ["dangling.png", "link.jpg", "own.jpg"]


def test_walk_does_not_hang_on_loops(tmp_path):
    _touch(tmp_path, "a/photo.jpg")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "self.jpg").symlink_to(".")
    found = walk([str(tmp_path)], recursive=True)
    assert [Path(source).name for source in found] == ["photo.jpg"]
    assert found.skipped == {"link to a folder": 2}


def test_walk_survives_names_that_are_not_text(tmp_path):
    names = [b"new\nline.jpg", b"\xff\xfe latin.png", "ünï 顔.webp".encode()]
    for name in names:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"text")
    found = list(walk([str(tmp_path)]))
    assert sorted(os.fsencode(Path(source).name) for source in found) == sorted(names)
    for source in found:
        with pytest.raises(MediaError) as caught:
            kind_of(source)
        assert "\n" not in str(caught.value)
        str(caught.value).encode()  # printable everywhere


@pytest.mark.parametrize("recursive", [False, True])
def test_walk_answers_a_folder_without_media_itself(tmp_path, recursive):
    _touch(tmp_path, "notes.txt")
    found = list(walk([str(tmp_path)], recursive=recursive))
    assert found == [str(tmp_path)]
    with pytest.raises(MediaError) as caught:
        kind_of(found[0])
    assert caught.value.code == "empty"


def test_walk_yields_a_folder_that_cannot_be_listed(unprivileged):
    _touch(unprivileged, "a.jpg", "closed/b.jpg")
    closed = unprivileged / "closed"
    closed.chmod(0)
    try:
        found = list(walk([str(unprivileged)], recursive=True))
        assert [Path(source).name for source in found] == ["a.jpg", "closed"]
        with pytest.raises(MediaError) as caught:
            kind_of(found[1])
        assert caught.value.code == "unreadable"
    finally:
        closed.chmod(stat.S_IRWXU)


@given(
    st.lists(
        st.tuples(
            st.text("abc", min_size=1, max_size=3),
            st.sampled_from([".jpg", ".MP4", ".txt", ""]),
        ),
        max_size=8,
        unique=True,
    )
)
def test_walk_counts_every_file_once(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("walk")
    _touch(root, *(stem + extension for stem, extension in names))
    found = walk([str(root)], recursive=True)
    sources = [source for source in found if source != str(root)]
    assert len(sources) + found.skipped.total() == len(names)
    assert sources == sorted(sources, key=os.fsencode)
    assert all(Path(source).suffix.lower() in MEDIA_EXTENSIONS for source in sources)


def test_a_named_file_goes_by_its_name(tmp_path):
    path = tmp_path / "3f2a"
    path.write_bytes(b"plain text")
    named = NamedFile(path, "holiday.jpg")
    assert os.fspath(named) == str(path)
    with pytest.raises(MediaError, match=r"'holiday\.jpg' is in none of the formats") as caught:
        kind_of(named)
    assert str(tmp_path) not in str(caught.value)
