import pyarrow.parquet as pq

from unmask.scan.parts import read_columns, spell, to_row, write_part


def test_a_row_equals_the_line_of_detect(tmp_path, small_detector, face):
    import io

    buffer = io.BytesIO()
    face.save(buffer, "PNG")
    reports = [small_detector.detect(source) for source in (buffer.getvalue(), b"no picture")]
    path = tmp_path / "part.parquet"
    write_part([to_row(report) for report in reports], path)
    table = pq.read_table(path)
    assert table.to_pylist() == [report.to_dict() for report in reports]
    assert table.column_names == list(reports[0].to_dict())
    assert table.column_names[0] == "source"


def test_the_row_of_a_clip_has_its_people(tmp_path, small_detector, face):
    import numpy as np

    from unmask.media.video import ClipWriter

    with ClipWriter(tmp_path / "clip.mp4", fps=10) as writer:
        for _ in range(10):
            writer.append(np.asarray(face))
    report = small_detector.detect(tmp_path / "clip.mp4")
    write_part([to_row(report)], tmp_path / "part.parquet")
    (row,) = pq.read_table(tmp_path / "part.parquet").to_pylist()
    assert row == report.to_dict()
    assert len(row["people"][0]["timeline"]) == 4


def test_names_that_are_no_text_are_spelled(tmp_path, small_detector):
    report = small_detector.detect("caf\udce9.jpg")
    write_part([to_row(report)], tmp_path / "part.parquet")
    (batch,) = read_columns([tmp_path / "part.parquet"], ["source", "error"])
    (row,) = batch.to_pylist()
    assert row["source"] == spell("caf\udce9.jpg") == "caf\\udce9.jpg"
    assert row["error"]["code"] == "missing"
