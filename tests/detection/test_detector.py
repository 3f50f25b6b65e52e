"""From files, bytes and pixels to reports, with the bundled detector."""

import io
import json
import os
import signal
import socket
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.detection.detector import KEPT_CROPS, TAKEN_WHOLE, Detector
from unmask.errors import MediaError, UsageError
from unmask.media.faces import CropGeometry
from unmask.media.limits import DecodeLimits, MediaLimits
from unmask.media.samples import make_samples
from unmask.media.sources import NamedFile, StoredFile
from unmask.media.video import ClipWriter
from unmask.models.engine import LOGIT_TOLERANCE
from unmask.records import NO_PIXELS, Kind, Verdict

ANSWERS = {Verdict.FAKE, Verdict.REAL, Verdict.UNCERTAIN}


@pytest.fixture(scope="module")
def detector():
    return Detector(frames=6)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Portrait, landscape, clip; two people in one picture; a broken and an empty file."""
    folder = tmp_path_factory.mktemp("media")
    make_samples(folder)
    face = data.astronaut()
    Image.fromarray(np.hstack([face, face[:, ::-1]])).save(folder / "two.png")
    (folder / "broken.jpg").write_bytes((folder / "portrait.jpg").read_bytes()[:3000])
    (folder / "empty.png").touch()
    return folder


def test_one_picture(detector, media):
    report = detector.detect(media / "portrait.jpg")
    assert report.kind is Kind.IMAGE
    assert report.verdict in ANSWERS
    assert len(report.faces) == 1
    assert report.source == str(media / "portrait.jpg")
    assert report.model.sha256 == detector.card.weights.sha256
    assert report.threshold == detector.card.policies["balanced"].threshold
    assert report.seconds > 0
    assert {"unmask", "engine", "faces", "python"} <= set(report.versions)


def test_path_bytes_and_pixels_give_the_same_answer(detector, media):
    path = media / "portrait.jpg"
    pixels = np.asarray(Image.open(path))
    scores = [detector.detect(each).score for each in (path, str(path), path.read_bytes(), pixels)]
    assert len(set(scores)) == 1


def test_the_worst_face_decides_a_picture(detector, media):
    report = detector.detect(media / "two.png")
    assert len(report.faces) == 2
    assert report.score == max((f.score for f in report.faces), key=lambda s: s.probability)


def test_a_picture_without_a_face_has_no_score(detector, media):
    report = detector.detect(media / "landscape.png")
    assert report.verdict is Verdict.NO_FACE
    assert report.score is None
    assert report.error is None


def test_a_clip_has_a_person_with_a_timeline(detector, media):
    report = detector.detect(media / "clip.mp4")
    assert report.kind is Kind.VIDEO
    assert [person.person for person in report.people] == [0]
    times = [time_s for time_s, _ in report.people[0].timeline]
    assert len(times) == 6
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= 4
    assert report.score == report.people[0].score


def test_a_clip_without_faces(detector, tmp_path):
    with ClipWriter(tmp_path / "grey.mp4", fps=10) as clip:
        for _ in range(10):
            clip.append(np.full((96, 96, 3), 80, np.uint8))
    report = detector.detect(tmp_path / "grey.mp4")
    assert report.verdict is Verdict.NO_FACE
    assert report.people == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nowhere.jpg", "missing"),  # no such file
        ("empty.png", "empty"),  # nothing in it
        ("broken.jpg", "corrupt"),  # cut off
        ("", "empty"),  # a folder without media, named outright, is not a picture
    ],
)
def test_what_cannot_be_answered_is_an_error_with_a_code(detector, media, tmp_path, name, code):
    source = media / name if name else tmp_path
    report = detector.detect(source)
    assert report.verdict is None
    assert report.error.code == code
    assert report.to_dict()["verdict"] == "error"


def test_many_inputs_are_answered_in_order_and_alike(detector, media):
    names = ["portrait.jpg", "broken.jpg", "clip.mp4", "two.png", "nowhere.jpg", "landscape.png"]
    sources = [str(media / name) for name in names] * 4
    reports = list(detector.detect_all(sources))
    assert [report.source for report in reports] == sources
    for report, source in zip(reports, sources, strict=True):
        alone = detector.detect(source)
        assert (report.verdict, report.error) == (alone.verdict, alone.error)
        if alone.score:
            assert abs(report.score.logit - alone.score.logit) <= LOGIT_TOLERANCE


def test_reports_come_while_sources_are_still_listed(detector, media):
    listed = []

    def sources():
        for _ in range(200):
            listed.append(1)
            yield str(media / "landscape.png")

    next(iter(detector.detect_all(sources())))
    assert len(listed) < 100


def test_a_reader_that_stops_early_leaves_nothing_running(detector, media):
    reports = detector.detect_all([str(media / "portrait.jpg")] * 50)
    next(reports)
    reports.close()


def test_long_clips_keep_the_pixels_of_some_faces_only(media, monkeypatch):
    monkeypatch.setattr("unmask.detection.detector.KEPT_CROPS", 3)
    faces = Detector(frames=6).detect(media / "clip.mp4").faces
    assert KEPT_CROPS > 3
    assert [face.crop.pixels is NO_PIXELS for face in faces] == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((40, 40), np.uint8),  # grey
        np.zeros((40, 40, 3), np.float32),  # not bytes
        np.zeros((40, 40, 4), np.uint8),  # with alpha
    ],
)
def test_other_pixels_are_refused(detector, pixels):
    with pytest.raises(UsageError, match=r"must have shape \(H, W, 3\)"):
        detector.detect(pixels)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"frames": 0}, "frames must be at least 1"),  # none
        ({"fps": 0.0}, "fps must lie above 0"),  # never
        ({"fps": float("nan")}, "fps must lie above 0"),  # not a number
        ({"policy": "strict"}, "has no policy 'strict'"),  # unknown
        ({"threshold": 2.0}, r"threshold must lie in \[0, 1\]"),  # no probability
        ({"engine": "cuda"}, "engine must be one of"),  # unknown
        ({"model": "nothing-here"}, "there is no model"),  # unknown
    ],
)
def test_impossible_options_are_refused(options, complaint):
    with pytest.raises(UsageError, match=complaint):
        Detector(**options)


def test_both_engines_agree(media):
    first, second = (
        Detector(engine=engine).detect(media / "portrait.jpg").score.logit
        for engine in ("openvino", "onnxruntime")
    )
    assert abs(first - second) <= LOGIT_TOLERANCE


def test_the_crop_follows_the_card(detector):
    assert detector.card.crop.model_dump() == {
        name: getattr(CropGeometry(), name)
        for name in ("size_px", "margin", "shift_y", "whole_frame_from")
    }


def test_a_data_set_picture_is_scored_whole(detector):
    small = Image.fromarray(data.astronaut()[31:186, 146:301]).resize((256, 256))
    stream = io.BytesIO()
    small.save(stream, "PNG")
    (face,) = detector.detect(stream.getvalue()).faces
    assert face.crop.crop_xyxy == (0, 0, 256, 256)
    assert np.array_equal(face.crop.pixels, np.asarray(small))


def test_no_network_is_touched(media, monkeypatch):
    def refuse(*_args, **_kwargs):
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    reports = list(Detector(frames=2).detect_all(str(p) for p in sorted(media.iterdir())))
    assert len(reports) == 6
    json.dumps([report.to_dict() for report in reports])


def test_development_pictures_and_clips_are_answered(shared_data):
    files = [
        *sorted((shared_data / "rvf10k_valid_sample").glob("*/*.jpg"))[::5],
        *sorted((shared_data / "clips").glob("*.mp4")),
    ]
    reports = list(Detector(frames=4).detect_all(files))
    assert len(reports) == 148
    assert [r.error for r in reports if r.error] == []
    assert all(report.people for report in reports if report.kind is Kind.VIDEO)


@pytest.mark.parametrize(
    "source",
    [
        None,  # nothing
        7,  # a number
        Image.new("RGB", (9, 9)),  # Pillow's own picture
    ],
)
def test_inputs_of_another_kind_are_refused(detector, source):
    with pytest.raises(UsageError, match="an input must be a path, encoded bytes, or pixels"):
        detector.detect(source)


def test_media_beyond_the_limits_are_too_large(media):
    detector = Detector(frames=2, limits=MediaLimits(pixels=200_000, duration_s=3.0))
    small, clip, portrait = (media / name for name in ("landscape.png", "clip.mp4", "portrait.jpg"))
    codes = [
        report.error and report.error.code
        for report in detector.detect_all([small, clip, portrait])
    ]
    assert codes == [None, "too_large", "too_large"]


def test_a_named_file_is_reported_by_its_name(detector, media):
    report = detector.detect(NamedFile(media / "portrait.jpg", "holiday.jpg"))
    assert report.source == "holiday.jpg"
    assert report.score == detector.detect(media / "portrait.jpg").score
    clip = detector.detect(NamedFile(media / "clip.mp4", "holiday.mp4"))
    assert (clip.source, clip.error) == ("holiday.mp4", None)


def test_one_path_is_not_many(detector):
    with pytest.raises(UsageError, match="detect_all takes several inputs"):
        next(detector.detect_all("photo.jpg"))


def test_nothing_among_the_inputs_is_not_their_end(detector, media):
    path = str(media / "landscape.png")
    with pytest.raises(UsageError, match="got NoneType"):
        list(detector.detect_all([path, None, path]))


def test_other_byte_strings_are_bytes(detector, media):
    data = (media / "portrait.jpg").read_bytes()
    scores = {detector.detect(each).score for each in (data, bytearray(data), memoryview(data))}
    assert len(scores) == 1


def test_trouble_with_one_input_does_not_end_the_others(detector, media, monkeypatch):
    find = detector.find_faces

    def fail(frame, *rest):
        if frame.source.endswith("two.png"):
            surprise = "by surprise"
            raise ZeroDivisionError(surprise)
        return find(frame, *rest)

    monkeypatch.setattr(detector, "find_faces", fail)
    names = ("portrait.jpg", "two.png", "portrait.jpg")
    reports = list(detector.detect_all([media / name for name in names]))
    assert [report.error.code if report.error else None for report in reports] == [
        None,
        "internal",
        None,
    ]
    assert "by surprise" in reports[1].error.message


def test_stopping_does_not_wait_for_long_clips(media):
    reports = Detector(fps=12).detect_all([media / "landscape.png", *[media / "clip.mp4"] * 8])
    next(reports)
    started = time.perf_counter()
    reports.close()
    assert time.perf_counter() - started < 3


def test_crops_of_a_data_set_are_taken_whole(detector):
    (found,) = detector.detect(data.astronaut()).faces
    x1, y1, x2, y2 = map(int, found.crop.crop_xyxy)
    face = np.ascontiguousarray(data.astronaut()[y1:y2, x1:x2])
    whole, searched = Detector(crops=True).detect(face), detector.detect(face)
    assert searched.faces[0].crop.crop_xyxy == whole.faces[0].crop.crop_xyxy
    assert whole.verdict == searched.verdict
    assert whole.score.logit == pytest.approx(searched.score.logit, abs=0.1)
    assert whole.warnings == (TAKEN_WHOLE,)
    assert searched.warnings == ()


@pytest.mark.parametrize("size", [(640, 640), (256, 200)])  # too large; not square
def test_other_pictures_are_searched_all_the_same(size):
    plain = np.full((*size, 3), 90, np.uint8)
    assert Detector(crops=True).detect(plain).verdict is Verdict.NO_FACE


def test_a_stored_file_is_fetched_in_its_turn(detector):
    def refuse():
        message = "gone"
        raise MediaError(message, code="missing")

    png = io.BytesIO()
    Image.new("RGB", (64, 64)).save(png, "PNG")
    good, bad = detector.detect_all(
        [StoredFile("a.tar::b.png", png.getvalue), StoredFile("c.png", refuse)]
    )
    assert (good.source, good.verdict) == ("a.tar::b.png", Verdict.NO_FACE)
    assert (bad.source, bad.error.code) == ("c.png", "missing")


@pytest.mark.skipif(os.name == "nt", reason="POSIX processes")
def test_decoding_elsewhere_changes_no_answer_and_a_crash_costs_one(detector, media):
    names = ["portrait.jpg", "clip.mp4", "broken.jpg", "two.png", "empty.png"]
    sources = [media / name for name in names]
    contained = Detector(frames=6, contained=DecodeLimits())

    def answer(one):
        facts = [report.to_dict() for report in one.detect_all(sources)]
        return [{key: value for key, value in each.items() if key != "seconds"} for each in facts]

    assert answer(contained) == answer(detector)
    with contained.sample_frames(media / "clip.mp4") as frames:
        next(frames)
        os.kill(frames._clip._child._process.pid, signal.SIGSEGV)
        assert contained.detect(media / "portrait.jpg").verdict in ANSWERS  # in another process
        with pytest.raises(MediaError) as caught:
            list(frames)
    assert caught.value.code == "crashed"
    assert answer(contained) == answer(detector)
    contained.close()
