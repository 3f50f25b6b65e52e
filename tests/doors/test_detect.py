import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

FIELDS = {
    "source",
    "kind",
    "verdict",
    "score",
    "faces",
    "people",
    "model",
    "policy",
    "threshold",
    "reasons",
    "versions",
    "warnings",
    "error",
    "seconds",
}


def answers(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_lines_have_the_fields_that_scripts_rely_on(unmask, photo):
    result = unmask("detect", photo, "--format", "jsonl")
    (answer,) = answers(result)
    assert result.exit_code == 0
    assert set(answer) == FIELDS
    assert answer["source"] == str(photo)
    assert answer["kind"] == "image"
    assert 0 <= answer["score"] <= 1
    assert set(answer["model"]) == {"name", "version", "sha256"}
    (face,) = answer["faces"]
    assert set(face) == {
        *("box_xyxy", "score", "face_confidence", "time_s", "person"),
        *("unlike", "doubts"),
    }


def test_every_input_has_its_line_in_order(unmask, photo, hill, broken):
    result = unmask("detect", photo, "gone.jpg", hill, broken, photo, "--format", "jsonl")
    found = answers(result)
    assert result.exit_code == 1
    assert [answer["source"] for answer in found] == [
        str(photo),
        "gone.jpg",
        str(hill),
        str(broken),
        str(photo),
    ]
    assert [answer["verdict"] for answer in found][1:4] == ["error", "no_face", "error"]
    assert found[1]["error"]["code"] == "missing"
    assert found[3]["error"]["code"] == "unsupported"
    assert found[0]["score"] == pytest.approx(found[4]["score"], abs=0.05)
    assert found[1]["score"] is found[2]["score"] is None


def test_no_face_is_an_answer(unmask, hill):
    assert unmask("detect", hill).exit_code == 0


def test_clips_have_people_with_timelines(unmask, clip):
    (answer,) = answers(unmask("detect", clip, "--format", "jsonl", "--frames", 4))
    assert answer["kind"] == "video"
    (person,) = answer["people"]
    assert set(person) == {"person", "score", "timeline", "doubts"}
    assert len(person["timeline"]) == 4
    assert [set(point) for point in person["timeline"]] == [{"time_s", "score"}] * 4


def test_fps_replaces_frames(unmask, clip):
    (answer,) = answers(unmask("detect", clip, "--format", "jsonl", "--fps", 1))
    assert len(answer["people"][0]["timeline"]) == 2


@pytest.fixture
def folder(tmp_path, hill):
    """Pictures on two levels, and things that are none."""
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    data = hill.read_bytes()
    (folder / "b.PNG").write_bytes(data)
    (folder / "a.png").write_bytes(data)
    (folder / "below" / "c.png").write_bytes(data)
    (folder / "notes.txt").write_text("x")
    (folder / "picture-without-ending").write_bytes(data)
    return folder


def test_a_folder_gives_its_media_and_counts_the_rest(unmask, folder):
    result = unmask("detect", "folder", "--format", "jsonl")
    assert [answer["source"] for answer in answers(result)] == ["folder/a.png", "folder/b.PNG"]
    assert "passed over 3: " in result.stderr
    assert "1 .txt" in result.stderr
    assert folder.is_dir()


def test_recursive_goes_below(unmask, folder):
    result = unmask("detect", folder, "--format", "jsonl", "--recursive")
    assert str(folder / "below" / "c.png") in [answer["source"] for answer in answers(result)]


def test_a_file_named_outright_is_answered_whatever_its_name(unmask, folder):
    (answer,) = answers(unmask("detect", folder / "picture-without-ending", "--format", "jsonl"))
    assert answer["verdict"] == "no_face"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "Invalid value for '--format'"),  # format
        (["--policy", "balanse"], "did you mean 'balanced'"),  # a slip in a policy
        (["--model", "no-such-model"], "no model or model folder"),  # unknown model
        (["--threshold", "1.5"], "must lie in [0, 1]"),  # past the end
        (["--threshold", "nan"], "must lie in [0, 1]"),  # no number
        (["--threshold", "high"], "Invalid value for '--threshold'"),  # a word
        (["--frames", "0"], "Invalid value for '--frames'"),  # none at all
        (["--fps", "0"], "Invalid value for '--fps'"),  # none at all
        (["--fps", "inf"], "Invalid value for '--fps'"),  # no number
        (["--engine", "abacus"], "Invalid value for '--engine'"),  # engine
        (["--out", "no/folder/a.csv"], "does not exist"),  # parent missing
        (["--out", "."], "is a folder"),  # a folder
        (["--out", "photo.jpg"], "must not overwrite"),  # the input itself
        (["--overlay", "photo.jpg"], "also an input"),  # the input itself
    ],
)
def test_wrong_usage(unmask, photo, options, message):
    before = photo.read_bytes()
    result = unmask("detect", photo, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert photo.read_bytes() == before


def test_a_model_that_does_not_match_its_card_is_one_line(unmask, photo, tmp_path):
    import shutil

    from unmask.models.library import open_model

    shutil.copytree(open_model().path, tmp_path / "model")
    with (tmp_path / "model" / "model.onnx").open("ab") as weights:
        weights.write(b"x")
    result = unmask("detect", photo, "--model", "model", "--format", "jsonl")
    assert result.exit_code == 2
    assert result.stderr.startswith("unmask: model: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_given_by_hand_decides(unmask, photo, threshold):
    (answer,) = answers(unmask("detect", photo, "--format", "jsonl", "--threshold", threshold))
    assert answer["threshold"] == threshold
    assert answer["verdict"] == ("fake" if answer["score"] >= threshold else "real")


def test_table_is_the_default_and_ends_with_a_summary(unmask, hill, broken):
    lines = unmask("detect", hill, broken).stdout.splitlines()
    assert lines[0].split() == ["verdict", "score", "faces", "file", "why"]
    assert lines[1].startswith("no face")
    assert lines[2].startswith("error")
    assert lines[-1].startswith("2 files: 1 no face, 1 error; ")


def test_csv(unmask, hill, tmp_path):
    assert unmask("detect", hill, "--format", "csv", "--out", "a.csv").stdout == ""
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert row["verdict"] == "no_face"


def test_html_shows_the_face(unmask, photo, tmp_path):
    unmask("detect", photo, "--format", "html", "--out", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 1
    assert page.rstrip().endswith("</html>")


def test_overlay_draws_pictures_and_clips_and_is_not_searched(unmask, photo, clip, tmp_path):
    for _ in range(2):
        result = unmask(
            "detect", ".", "--recursive", "--overlay", "drawn", "--format", "jsonl", "--frames", 4
        )
        assert result.exit_code == 0
        assert [os.path.basename(answer["source"]) for answer in answers(result)] == [  # noqa: PTH119
            clip.name,
            photo.name,
        ]
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert [name.split("-")[0] for name in names] == ["clip", "photo"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are a thing of Linux")
@pytest.mark.parametrize("name", ["table", "jsonl", "csv", "html"])
def test_names_that_are_no_text_do_not_stop_the_run(unmask, hill, tmp_path, name):
    odd = os.fsencode(tmp_path) + b"/caf\xe9\x1b.png"
    os.link(hill, odd)
    result = unmask("detect", os.fsdecode(odd), "--format", name)
    assert result.exit_code == 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if name == "jsonl":
        assert os.fsencode(answers(result)[0]["source"]) == odd


def test_a_closed_pipe_ends_quietly(program, hill):
    process = program("detect", *[hill] * 400, "--format", "jsonl")
    assert json.loads(process.stdout.readline())["verdict"] == "no_face"
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="POSIX signals")
def test_an_interrupt_keeps_what_was_answered(program, hill, tmp_path):
    process = program("detect", *[hill] * 2000, "--format", "jsonl", "--out", "answers.jsonl")
    out = tmp_path / "answers.jsonl"
    while process.poll() is None and not (out.exists() and out.stat().st_size):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    lines = out.read_text().splitlines()
    assert 1 <= len(lines) < 2000
    assert all(json.loads(line)["verdict"] == "no_face" for line in lines)
    stderr = process.stderr.read()
    assert b"interrupted" in stderr
    assert b"Traceback" not in stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_disk_is_one_line_and_status_1(program, hill):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        process = program("detect", hill, "--format", "jsonl", stdout=full)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.count(b"\n") == 1
    assert b"No space left" in stderr


def test_nothing_is_sent_and_nothing_is_left_in_the_home_folder(tmp_path, photo):
    """Two libraries would report their use: each leaves an identity in the home folder first."""
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "unmask", "detect", str(photo), "--format", "jsonl"]
    tracer = shutil.which("strace")
    trace = tmp_path / "trace"
    if tracer:
        command = [tracer, "-f", "-qq", "-e", "trace=socket", "-o", str(trace), *command]
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert list(home.rglob("*")) == []
    if tracer:
        assert "AF_INET" not in trace.read_text()


def test_drawings_beside_the_inputs_do_not_hide_them(unmask, photo, tmp_path):
    first = unmask("detect", photo, "--overlay", tmp_path, "--format", "jsonl")
    assert (first.exit_code, len(first.stdout.splitlines())) == (0, 1)
    drawn = tmp_path / "drawn"
    for _ in range(2):  # the second run does not answer the first one's drawings
        again = unmask("detect", photo, "--overlay", drawn, "--format", "jsonl", "--recursive")
        assert len(again.stdout.splitlines()) == 1


def test_an_overlay_folder_around_the_inputs_is_refused(unmask, photo, tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    photo.rename(inputs / photo.name)
    result = unmask("detect", inputs, "--overlay", tmp_path)
    assert result.exit_code == 2
    assert "holds a folder of inputs" in result.stderr
