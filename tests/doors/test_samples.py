from pathlib import Path


def test_samples_are_written_and_named(unmask, tmp_path):
    result = unmask("samples", "things")
    assert result.exit_code == 0
    names = result.stdout.splitlines()
    assert names
    assert all((tmp_path / name).is_file() for name in names)


def test_samples_cannot_be_written_into_a_file(unmask, tmp_path):
    Path(tmp_path / "file").write_text("x")
    result = unmask("samples", "file")
    assert result.exit_code in {1, 2}
    assert "Traceback" not in result.stderr
    assert (tmp_path / "file").read_text() == "x"
