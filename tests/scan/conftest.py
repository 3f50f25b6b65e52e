"""Pictures to scan, and the parts of a scan read back."""

import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="session")
def face():
    """256 px around a face."""
    return Image.fromarray(data.astronaut()[:256, 96:352])


@pytest.fixture
def pictures(tmp_path, face):
    """A folder with folders: 4 faces, a plain one, an empty file, a text and a stray note."""
    folder = tmp_path / "pictures"
    (folder / "below" / "deeper").mkdir(parents=True)
    for number, place in enumerate(("", "", "below", "below/deeper")):
        face.save(folder / place / f"{number}.jpg", quality=90)
    Image.new("RGB", (64, 64), (90, 140, 90)).save(folder / "plain.png")
    (folder / "empty.jpg").touch()
    (folder / "below" / "text.jpg").write_text("this is no picture")
    (folder / "note.txt").write_text("a note")
    return folder


@pytest.fixture
def read_rows():
    """The rows of all parts of a scan folder, sorted by source."""

    def read(folder):
        rows = []
        for part in sorted((folder / "parts").glob("*.parquet")):
            rows += pq.read_table(part).to_pylist()
        return sorted(rows, key=lambda row: row["source"])

    return read
