"""Tables as other programs write them."""

import importlib.util

import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.data.reading import read_data
from unmask.errors import DataError, MissingExtraError

FILES = {"real/{}.jpg": 2, "fake/{}.jpg": 2}
ROWS = ["real/0.jpg,real", "real/1.jpg,real", "fake/0.jpg,fake", "fake/1.jpg,fake"]


def lines(header, *rows, end="\n"):
    return end.join([header, *rows, ""])


@pytest.mark.parametrize(
    "data",
    [
        lines("path,label", *ROWS).encode(),
        lines("file,label", *ROWS).encode(),  # the other name
        lines("FileName , Label", *ROWS).encode(),  # capitals and blanks
        lines("path,label", *ROWS, end="\r\n").encode(),  # Windows
        lines("path,label", *ROWS, end="\r").encode(),  # old Macs
        lines("path,label", *ROWS).encode("utf-8-sig"),  # Excel's mark
        lines("path,label", *ROWS).encode("utf-16"),  # Excel's "Unicode text"
        lines("path;label", *(row.replace(",", ";") for row in ROWS)).encode(),  # Excel in Europe
        lines("path\tlabel", *(row.replace(",", "\t") for row in ROWS)).encode(),  # tabs
        lines('"path","label"', *ROWS).encode(),  # quoted
        lines("path,label", *ROWS, "", "").encode(),  # blank lines at the end
        lines(",id,path,label", *(f"0,x,{row}" for row in ROWS)).encode(),  # pandas' index
        lines("path,label", *(f"./{row}" for row in ROWS)).encode(),
        lines("path,label", *(f"/{row}" for row in ROWS)).encode(),  # the set's own root
        lines("path,label", *(row.replace("/", "\\") for row in ROWS)).encode(),  # backslashes
        lines("path,label", *(f"data/{row}" for row in ROWS)).encode(),  # from the folder above
        lines("path,label", *(f"{row}_FACES" for row in ROWS)).encode(),  # other words
        b"path,label,label_str\nreal/0.jpg,1,real\nreal/1.jpg,1,real\n"  # words before numbers
        b"fake/0.jpg,0,fake\nfake/1.jpg,0,fake\n",
    ],
)
def test_dialects(make, data):
    root = make(FILES)
    (root / "table.csv").write_bytes(data)
    dataset = read_data(root / "table.csv")
    assert dataset.manifest.counts() == {("", "fake"): 2, ("", "real"): 2}
    assert all(("real" in s.path.split("/")[-2]) == (s.label == 0) for s in dataset.manifest)
    assert not dataset.left_out


def test_all_columns(make):
    root = make(FILES)
    (root / "t.csv").write_text(
        "split,group,method,path,label\ntrain,a,x,real/0.jpg,Real\nVALID,b,y,real/1.jpg,0_real\n"
        "train,a,,fake/0.jpg,FAKE\nvalidation,b,,fake/1.jpg,deepfake\n"
    )
    dataset = read_data(root / "t.csv", val_share=0)
    assert [(s.split, s.group, s.dataset, s.label) for s in dataset.manifest] == [
        ("train", "a", "x", 0),
        ("test", "b", "y", 0),
        ("train", "a", "", 1),
        ("test", "b", "", 1),
    ]


def test_another_column_groups(make):
    root = make(FILES)
    (root / "t.csv").write_text(
        lines("path,label,identity", *(f"{row},p{n}" for n, row in enumerate(ROWS)))
    )
    dataset = read_data(root / "t.csv", group_column="Identity")
    assert [sample.group for sample in dataset.manifest] == ["p0", "p1", "p2", "p3"]
    with pytest.raises(DataError, match="no column 'person' to group by"):
        read_data(root / "t.csv", group_column="person")


def test_clips_are_their_own_group(make):
    root = make({"r{}.mp4": 1, "f{}.mp4": 1})
    (root / "manifest.csv").write_text("file,label\nr0.mp4,real\nf0.mp4,fake\n")
    assert [sample.group for sample in read_data(root).manifest] == ["r0.mp4", "f0.mp4"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("name,label\n", "no column for the path.*'name', 'label'"),
        ("path,kind\n", "no column for the label"),
        ("path,label\nreal/0.jpg,cat\n", r"holds 'cat \(1 times\)'"),
        ("path,label\nreal/0.jpg,0\nfake/0.jpg,1\n", "numbers.*--positive"),
        ("path,label\nreal/0.jpg,0.0\nfake/0.jpg,1.0\n", "numbers.*--positive"),  # as pandas
        ("path,label\nreal/0.jpg,True\nfake/0.jpg,False\n", "numbers.*--positive"),
        ("path,label\nreal/0.jpg,-1\nfake/0.jpg,1\n", "holds '-1"),
        ("path,label,split\nreal/0.jpg,real,fold1\n", "'split'.*fold1"),
        ("path,label\nnowhere/0.jpg,real\n", "none of the files"),
        ("path,label\nreal/0.jpg,real\nreal/0.jpg,fake\n", "as real and as fake"),
        ("path,label,split\nreal/0.jpg,real,train\nreal/0.jpg,real,test\n", "in the splits"),
        ("path,label\nreal/0.jpg,real\n", "no fake samples"),
        ("path,label\n", "no real and no fake samples"),  # a header alone
        ("path,label\nreal/0.jpg,fake\nfake/0.jpg,real\n", "contradict the folders of 2 of 2"),
        ('path,label\n"real/0.jpg,real\n', "no real and no fake"),  # a quote that never ends
    ],
)
def test_unusable_tables(make, text, complaint):
    root = make(FILES)
    (root / "t.csv").write_text(text)
    with pytest.raises(DataError, match=complaint):
        read_data(root / "t.csv")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("real/9.jpg,real", "missing"),
        ("real/0.jpg,real", "row that repeats a file"),
        (",real", "row without a path or label"),
        ("real/0.jpg,", "row without a path or label"),
        ("real/0.jpg,real,more", "row with 3 fields instead of 2"),
        ("real/0.jpg", "row with 1 fields instead of 2"),
        ("real\0/0.jpg,real", "unreadable (embedded null byte)"),
    ],
)
def test_broken_rows_are_left_out(make, row, reason):
    root = make(FILES)
    (root / "t.csv").write_text(lines("path,label", *ROWS, row))
    dataset = read_data(root / "t.csv")
    assert len(dataset.manifest) == 4
    assert [left.reason for left in dataset.left_out] == [reason]


@pytest.mark.parametrize(("positive", "first"), [("real", 0), ("fake", 1)])
def test_positive_says_what_numbers_mean(make, positive, first):
    root = make({"a{}.jpg": 2})
    (root / "t.csv").write_text("path,label\na0.jpg,1\na1.jpg,0\n")
    labels = [sample.label for sample in read_data(root / "t.csv", positive=positive).manifest]
    assert labels == [first, 1 - first]


def test_a_wrong_positive_is_seen_by_the_folders(make):
    root = make(FILES)
    (root / "t.csv").write_text(
        lines("path,label", *(r.replace(",real", ",1").replace(",fake", ",0") for r in ROWS))
    )
    assert len(read_data(root / "t.csv", positive="real").manifest) == 4
    with pytest.raises(DataError, match="turn --positive round"):
        read_data(root / "t.csv", positive="fake")


def test_single_labels_against_their_folder_are_noted(make):
    root = make({"real/{}.jpg": 4, "fake/{}.jpg": 4})
    rows = [f"{name}/{n}.jpg,{name}" for name in ("real", "fake") for n in range(4)]
    rows[0] = "real/0.jpg,fake"
    (root / "t.csv").write_text(lines("path,label", *rows))
    assert any("1 labels of the table differ" in note for note in read_data(root / "t.csv").notes)


HEADER_140K = ",original_path,id,label,label_str,path"


@pytest.fixture
def set_140k(make):
    """The 140k layout in small, with its tables two wrappers above the pictures; 1 is real."""
    base = "real_vs_fake/real-vs-fake"
    sizes = {"train": 6, "valid": 2, "test": 3}
    root = make({f"{base}/{s}/{n}/{{}}.jpg": k for s, k in sizes.items() for n in ("real", "fake")})

    def write_tables(columns=HEADER_140K):
        for split, size in sizes.items():
            rows = [
                {
                    "": n,
                    "original_path": f"/elsewhere/{n}.jpg",
                    "id": n,
                    "label": int(name == "real"),
                    "label_str": name,
                    "path": f"{split}/{name}/{n}.jpg",
                }
                for name in ("real", "fake")
                for n in range(size)
            ]
            text = [",".join(str(row[column]) for column in columns.split(",")) for row in rows]
            (root / f"{split}.csv").write_text(lines(columns, *text))
        return root

    return write_tables


def test_140k_has_its_labels_from_the_text(set_140k):
    dataset = read_data(set_140k())
    assert dataset.layout == "labels from column label_str of test.csv, train.csv, valid.csv"
    assert dataset.manifest.counts() == {
        ("test", "fake"): 3,
        ("test", "real"): 3,
        ("train", "fake"): 6,
        ("train", "real"): 6,
        ("val", "fake"): 2,
        ("val", "real"): 2,
    }
    assert not dataset.left_out
    assert not dataset.passed_over


def test_140k_with_numbers_only_goes_by_its_folders(set_140k):
    dataset = read_data(set_140k(",id,label,path"))
    assert dataset.manifest.counts()["train", "fake"] == 6
    assert all(("/fake/" in sample.path) == (sample.label == 1) for sample in dataset.manifest)
    assert any("numbers and were not used" in note for note in dataset.notes)
    with pytest.raises(DataError, match="turn --positive round"):
        read_data(set_140k(",id,label,path"), positive="fake")  # 1 is real there
    assert read_data(set_140k(",id,label,path"), positive="real").layout.startswith("labels from")


def test_numbers_only_and_folders_that_say_nothing(make):
    root = make({"pictures/{}.jpg": 4})
    (root / "train.csv").write_text(
        lines("path,label", *(f"pictures/{n}.jpg,{n % 2}" for n in range(4)))
    )
    with pytest.raises(DataError, match=r"numbers.*--positive"):
        read_data(root)
    assert len(read_data(root, positive="fake").manifest) == 4


def test_other_tables_in_a_folder_are_not_read(make):
    root = make(FILES)
    (root / "train.csv").write_text("epoch,loss\n1,0.5\n")
    (root / "data.csv").write_text("images_id,label\nreal_1,real\n")
    assert read_data(root).layout == "folders fake, real"


def test_a_manifest_in_the_folder_decides(make):
    root = make({**FILES, "more/{}.jpg": 2})
    (root / "Manifest.csv").write_text(lines("path,label", *ROWS))
    dataset = read_data(root)
    assert len(dataset.manifest) == 4
    assert dataset.passed_over == {"picture or clip that no table names": 2}


def test_our_own_table_comes_back(make, tmp_path):
    root = make(FILES)
    samples = read_data(root).manifest.with_groups(["g", "", "g", ""])
    samples.relative_to(root).write_csv(root / "own.csv")
    assert read_data(root / "own.csv").manifest == samples
    samples.relative_to(tmp_path / "other").write_csv(tmp_path / "own.csv")  # full paths
    assert read_data(tmp_path / "own.csv").manifest == samples


def test_file_names_that_are_no_text_survive(make):
    root = make(FILES)
    odd = root / "real" / "na\udcefve,\n.jpg"  # Latin-1, a comma and a line end
    (root / "real" / "0.jpg").rename(odd)
    read_data(root).manifest.write_csv(root / "own.csv")
    assert str(odd) in {sample.path for sample in read_data(root / "own.csv").manifest}


@pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is installed here"
)
def test_parquet_says_what_it_needs(make):
    root = make(FILES)
    (root / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match=r"unmask\[parquet\]"):
        read_data(root / "t.parquet")


def test_parquet(make):
    arrow = pytest.importorskip("pyarrow", reason="the extra for Parquet is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    root = make(FILES)
    cells = [row.split(",") for row in ROWS]
    columns = {
        "path": [path for path, _ in cells],
        "label": [int(label == "fake") for _, label in cells],
        "split": [None, "test", None, "test"],
        "image": [{"bytes": b"x"}] * 4,
    }
    parquet.write_table(arrow.table(columns), root / "t.parquet")
    dataset = read_data(root / "t.parquet", positive="fake")
    assert dataset.manifest.counts() == {
        ("", "fake"): 1,
        ("", "real"): 1,
        ("test", "fake"): 1,
        ("test", "real"): 1,
    }
    (root / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="no readable Parquet"):
        read_data(root / "broken.parquet")


def test_read_csv_refuses_other_tables(tmp_path):
    path = tmp_path / "t.csv"
    Manifest((Sample("a.jpg", 1),)).write_csv(path)
    path.write_text(path.read_text().replace("fake", "1"))
    with pytest.raises(DataError, match="row 2"):
        Manifest.read_csv(path)
    path.write_text("file,label\n")
    with pytest.raises(DataError, match="must start with the columns"):
        Manifest.read_csv(path)
