"""Zip files: what is read from them, and what strangers may put into them."""

import os
import stat
import struct
import zipfile

import pytest

from unmask.data.archives import Limits, cache_folder, unpack
from unmask.data.reading import read_data
from unmask.errors import DataError

from .conftest import JPEG, content


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache is the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNMASK_CACHE", str(folder))
    return folder


@pytest.fixture
def pack(tmp_path):
    """Write a zip file with these members; a value of None means tiny content."""

    def write(members, compression=zipfile.ZIP_STORED):
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in members.items():
                file.writestr(name, content("x.jpg") if data is None else data)
        return path

    return write


FILES = {"real/0.jpg": None, "real/1.jpg": None, "fake/0.jpg": None}


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "members",
    [
        FILES,
        {f"wrapper/data/{name}": data for name, data in FILES.items()},  # wrapped
        {name.replace("/", "\\"): data for name, data in FILES.items()},  # made on Windows
        {**FILES, "__MACOSX/real/._0.jpg": None, "real/.DS_Store": b"x"},  # made on a Mac
        {**FILES, "readme.txt": b"x", "run.sh": b"x"},  # other things stay packed
        {
            "x/manifest.csv": "path,label\nb.jpg,real\na.jpg,fake\nc.jpg,real\n",
            **dict.fromkeys(("x/a.jpg", "x/b.jpg", "x/c.jpg")),
        },  # with a table
    ],
)
def test_a_zip_is_read_like_its_folder(pack, cache, members):
    dataset = read_data(pack(members))
    assert dataset.manifest.counts() == {("", "fake"): 1, ("", "real"): 2}
    assert dataset.name == "data"
    assert all(sample.path.startswith(str(cache)) for sample in dataset.manifest)
    assert not [name for name in files_below(cache) if name.endswith((".txt", ".sh", "DS_Store"))]


def test_the_second_call_finds_the_files(pack):
    first = unpack(pack(FILES))
    marked = first.folder / "real" / "0.jpg"
    before = marked.stat().st_mtime_ns
    assert unpack(pack({**FILES, "new.txt": b"not unpacked"})).folder != first.folder
    again = unpack(first.folder.parents[2] / "data.zip")
    assert again.passed_over == {".txt": 1}
    assert marked.stat().st_mtime_ns == before


def test_an_unpacking_that_broke_off_is_not_taken_for_whole(pack, cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    path = pack(FILES)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(DataError, match="No space left"):
            unpack(path)
    assert files_below(cache) == []
    assert len(read_data(path).manifest) == 3


@pytest.mark.parametrize(
    "name",
    [
        "../outside.jpg",  # upwards
        "real/../../outside.jpg",
        "..\\outside.jpg",  # upwards for Windows
        "/tmp/outside.jpg",  # from the root
        "C:\\outside.jpg",  # a drive
        "C:outside.jpg",
    ],
)
def test_members_that_lead_out_are_refused(pack, tmp_path, cache, name):
    with pytest.raises(DataError, match="leads out of it"):
        unpack(pack({**FILES, name: None}))
    assert not (tmp_path / "outside.jpg").exists()
    assert not cache.exists()


def test_links_stay_packed(tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(JPEG + b"secret")
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in FILES:
            file.writestr(name, content(name))
        link = zipfile.ZipInfo("fake/link.jpg")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, str(secret))
    dataset = read_data(path)
    assert len(dataset.manifest) == 3
    assert dataset.passed_over == {"link": 1}


@pytest.mark.parametrize("name", ["../../../secret.jpg", "{secret}"])
def test_a_table_in_a_zip_cannot_name_other_files(pack, tmp_path, name):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(JPEG + b"secret")
    table = f"path,label\nreal/0.jpg,real\nfake/0.jpg,fake\n{name.format(secret=secret)},fake\n"
    with pytest.raises(DataError, match="lies outside of it"):
        read_data(pack({**FILES, "manifest.csv": table}))


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(files=2), "holds 3 files in"),  # too many members
        (Limits(total_bytes=30), "bytes unpacked"),  # too much in all
        (Limits(small_bytes=0, ratio=0), "bytes unpacked"),  # a bomb
        (Limits(free_bytes=2**62), "are free"),  # no room
    ],
)
def test_limits(pack, cache, limits, complaint):
    with pytest.raises(DataError, match=complaint):
        unpack(pack(FILES), limits=limits)
    assert files_below(cache) == []


def test_a_bomb_is_refused_by_its_ratio(pack, cache):
    bomb = pack({**FILES, "fake/bomb.bmp": bytes(80 * 2**20)}, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10**6
    with pytest.raises(DataError, match="it is not unpacked"):
        read_data(bomb)
    assert not cache.exists()


def test_a_member_that_lies_about_its_size_writes_no_more(pack):
    """The directory says 10 bytes, the packed data hold a million."""
    path = pack({**FILES, "fake/liar.jpg": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    for at in range(len(data) - 46):
        if data[at : at + 4] == b"PK\x01\x02" and data[at + 46 :].startswith(b"fake/liar.jpg"):
            struct.pack_into("<I", data, at + 24, 10)
    path.write_bytes(data)
    unpacked = unpack(path)
    assert [row.path for row in unpacked.left_out] == ["fake/liar.jpg"]
    assert not (unpacked.folder / "fake" / "liar.jpg").exists()


def test_broken_members_are_left_out_now_and_later(pack):
    path = pack(FILES)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        broken = file.read("real/1.jpg")
    path.write_bytes(data.replace(broken, broken[:-1] + b"?", 1))
    for _ in range(2):
        dataset = read_data(path)
        assert len(dataset.manifest) == 2
        assert [row.path for row in dataset.left_out] == ["real/1.jpg"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_odd_members_do_no_harm(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in (*FILES, "real/0.jpg", "real/0.jpg/below.jpg", f"fake/{'x' * 300}.jpg"):
            file.writestr(name, content("x.jpg"))
    dataset = read_data(path)
    assert len(dataset.manifest) == 3
    assert dataset.passed_over == {"second file of a name": 1}
    assert len(dataset.left_out) == 2


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no intact zip"),
        (b"PK\x03\x04 and then nothing", "no intact zip"),
        (b"PK\x05\x06" + bytes(18), "no pictures or clips"),  # a zip of nothing
    ],
)
def test_what_is_no_zip(tmp_path, data, complaint):
    path = tmp_path / "data.zip"
    path.write_bytes(data)
    with pytest.raises(DataError, match=complaint):
        read_data(path)


def test_encrypted_members_are_refused(pack):
    path = pack(FILES)
    data = bytearray(path.read_bytes())
    for at in range(len(data) - 4):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="is encrypted"):
        read_data(path)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"UNMASK_CACHE": "/own"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/unmask"),
        ({"HOME": "/h/me"}, "/h/me/.cache/unmask"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX systems")
def test_where_the_cache_is(monkeypatch, variables, expected):
    for name in ("UNMASK_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected


def test_a_member_without_a_name_is_passed_over(tmp_path):
    """Its name is a zero byte, at which zip files' names end."""
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("\0", "real/one.jpg"):
            with archive.open(zipfile.ZipInfo(name), "w") as stream:
                stream.write(b"x")
    found = unpack(path, tmp_path / "cache")
    assert [file.name for file in found.folder.rglob("*.jpg")] == ["one.jpg"]


def test_a_version_that_is_yet_to_come_is_refused(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("real/one.jpg", b"x")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 84
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"no intact zip file: zip file version 8\.4"):
        unpack(path, tmp_path / "cache")
