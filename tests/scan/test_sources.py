import io
import os
import tarfile
import uuid

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unmask.errors import DataError, MediaError, UsageError
from unmask.media.sources import StoredFile
from unmask.scan.sources import Listing, expand_braces
from unmask.scan.stores import fetch


def names(*sources):
    return [item.name for item in Listing(map(str, sources))]


def write_tar(path, members, **options):
    with tarfile.open(path, "w", **options) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def bucket(face):
    """Objects in fsspec's store in memory."""
    store, root = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}"
    buffer = io.BytesIO()
    face.save(buffer, "PNG")
    store.pipe(f"{root}/one.png", buffer.getvalue())
    store.pipe(f"{root}/below/two.png", buffer.getvalue())
    store.pipe(f"{root}/below/notes.md", b"no picture")
    yield f"memory://{root}"
    store.rm(root, recursive=True)


def test_a_folder_is_listed_to_its_end(pictures):
    listing = Listing([str(pictures)])
    found = {os.path.relpath(item.name, pictures) for item in listing}
    assert found == {
        *("0.jpg", "1.jpg", "plain.png", "empty.jpg"),
        *("below/2.jpg", "below/text.jpg", "below/deeper/3.jpg"),
    }
    assert listing.skipped == {".txt": 1}


def test_a_folder_that_cannot_be_listed_is_an_input_with_an_error(pictures):
    (pictures / "locked").mkdir(mode=0o000)
    if os.access(pictures / "locked", os.R_OK):
        pytest.skip("this user may read every folder")
    failures = [item.failure.code for item in Listing([str(pictures)]) if item.failure]
    assert failures == ["unreadable"]


def test_a_list_has_a_path_a_line(tmp_path):
    paths = tmp_path / "list.txt"
    paths.write_bytes(b"\xef\xbb\xbfa.jpg\r\n\nsub/b c.png\ns3://bucket/d.jpg\ncaf\xe9.jpg")
    assert names(paths) == ["a.jpg", "sub/b c.png", "s3://bucket/d.jpg", "caf\udce9.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        "path,label\n0.jpg,real\nbelow/2.jpg,fake\n",
        "file_name;other\r\n0.jpg;1\r\nbelow/2.jpg;2\r\n",  # no label is needed
        "\ufeffother\tPATH\nx\t0.jpg\ny\tbelow/2.jpg\n",
    ],
)
def test_a_table_names_files_relative_to_it(pictures, text):
    table = pictures / "table.csv"
    table.write_text(text, encoding="utf-8")
    assert names(table) == [str(pictures / "0.jpg"), str(pictures / "below/2.jpg")]


def test_rows_that_are_none_are_counted(pictures):
    table = pictures / "table.csv"
    table.write_text("path,label\n0.jpg,real\n,fake\n1.jpg\n")
    listing = Listing([str(table)])
    assert [item.name for item in listing] == [str(pictures / "0.jpg")]
    assert listing.skipped == {"row without a path": 1, "row with 1 fields instead of 2": 1}


def test_a_parquet_table_is_read_by_its_column(pictures):
    table = pictures / "table.parquet"
    columns = {"extra": [1, 2, 3], "Image_Path": ["0.jpg", "s3://bucket/x.jpg", "gone.jpg"]}
    pq.write_table(pa.table(columns), table)
    assert names(table) == [
        str(pictures / "0.jpg"),
        "s3://bucket/x.jpg",
        str(pictures / "gone.jpg"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"a,b\n1,2\n", "no column for the path"),
        ("t.csv", b"", "no column for the path"),
        ("t.csv", b"\xff\xfea\x00b", "no CSV"),  # half a character of UTF-16
        ("t.parquet", b"this is none", "no readable Parquet"),
        ("t.csv", b"path\nnowhere.jpg\n", "none of the files"),
    ],
)
def test_tables_that_say_nothing_are_refused(tmp_path, name, content, says):
    table = tmp_path / "alone" / name
    table.parent.mkdir()
    table.write_bytes(content)
    with pytest.raises(DataError, match=says):
        names(table)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_members_of_a_tar_file_are_inputs(tmp_path, kind):
    long = "far/" * 20 + "b.png"
    members = {"a.jpg": b"first", "a.json": b"{}", long: b"second"}
    tar = write_tar(tmp_path / "shard.tar", members, format=kind)
    listing = Listing([str(tar)])
    items = list(listing)
    assert [item.name for item in items] == [f"{tar}::a.jpg", f"{tar}::{long}"]
    assert [item.open().fetch() for item in items] == [b"first", b"second"]
    assert listing.skipped == {".json": 1}


def test_tar_files_of_a_folder_are_opened(tmp_path):
    (tmp_path / "shards").mkdir()
    tar = write_tar(tmp_path / "shards" / "0.tar", {"x.jpg": b"x"})
    assert names(tmp_path / "shards") == [f"{tar}::x.jpg"]


def test_links_in_a_tar_file_are_passed_over(tmp_path):
    link = tarfile.TarInfo("link.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        archive.addfile(link)
    listing = Listing([str(tmp_path / "links.tar")])
    assert list(listing) == []
    assert listing.skipped.total() == 1


def test_a_broken_tar_file_keeps_what_is_whole(tmp_path):
    members = {f"{number}.jpg": bytes(3000) for number in range(3)}
    tar = write_tar(tmp_path / "cut.tar", members)
    tar.write_bytes(tar.read_bytes()[: 512 + 3072 + 512 + 1000])  # within the second member
    *good, last = list(Listing([str(tar)]))
    assert good[0].open().fetch() == bytes(3000)
    codes = [item.failure.code for item in [last] if item.failure]
    for item in good[1:]:
        with pytest.raises(MediaError) as caught:
            item.open().fetch()
        codes.append(caught.value.code)
    assert set(codes) == {"corrupt"}


def test_a_text_that_calls_itself_tar_is_one_error(tmp_path):
    tar = tmp_path / "none.tar"
    tar.write_text("this is no tar file " * 100)
    (item,) = Listing([str(tar)])
    assert item.failure.code == "corrupt"


def test_a_store_is_walked_and_read(bucket):
    listing = Listing([bucket])
    items = list(listing)
    assert [item.name for item in items] == [f"{bucket}/one.png", f"{bucket}/below/two.png"]
    assert listing.skipped == {".md": 1}
    source = items[0].open()
    assert isinstance(source, StoredFile)
    assert source.fetch().startswith(b"\x89PNG")


def test_tables_lists_and_tar_files_may_lie_in_a_store(bucket, tmp_path):
    store = fsspec.filesystem("memory")
    root = bucket.removeprefix("memory://")
    store.pipe(f"{root}/list.txt", f"{bucket}/one.png\n".encode())
    store.pipe(f"{root}/table.csv", b"path\nbelow/two.png\n")
    tar = write_tar(tmp_path / "t.tar", {"m.jpg": b"member"})
    store.pipe(f"{root}/t.tar", tar.read_bytes())
    assert names(f"{bucket}/list.txt") == [f"{bucket}/one.png"]
    assert names(f"{bucket}/table.csv") == [f"{bucket}/below/two.png"]
    (member,) = Listing([f"{bucket}/t.tar"])
    assert member.name == f"{bucket}/t.tar::m.jpg"
    assert member.open().fetch() == b"member"


def test_addresses_of_files_name_them_as_they_were_given(pictures):
    found = names(f"file://{pictures}")
    assert f"file://{pictures}/0.jpg" in found
    assert len(found) == 7


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("memory://nobody/gone.jpg", "missing"),
        ("gone.jpg", "missing"),
    ],
)
def test_what_cannot_be_fetched_has_a_code(place, code):
    with pytest.raises(MediaError) as caught:
        fetch(place)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere/", "there is no"),
        ("memory://nobody/nothing", "there is no"),
        ("shards.tar.gz", "without compression"),
        ("nonsense://x/y", "cannot be opened"),
    ],
)
def test_sources_that_are_none_are_refused_at_once(source, says):
    with pytest.raises(UsageError, match=says):
        Listing([source])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain.tar", ["plain.tar"]),
        ("{0..2}.tar", ["0.tar", "1.tar", "2.tar"]),
        ("s-{08..10}", ["s-08", "s-09", "s-10"]),
        ("{1..2}/{0..1}", ["1/0", "1/1", "2/0", "2/1"]),
        ("odd{a..b}", ["odd{a..b}"]),  # no numbers: a name like any other
        ("{3..2}", []),
    ],
)
def test_braces_stand_for_numbers(source, expected):
    assert list(expand_braces(source)) == expected
