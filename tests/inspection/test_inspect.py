"""An inspection answers as the detector does, unless something speaks against it."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from skimage import data

from unmask.detection.detector import Detector
from unmask.inspection.heatmap import CLASS_ACTIVATION
from unmask.inspection.inspect import FEWER_FRAMES, Inspector
from unmask.inspection.stability import change_names
from unmask.media.faces import FaceBox
from unmask.models.domain import read_domain
from unmask.models.library import write_model
from unmask.records import Verdict


@pytest.fixture(scope="module")
def inspector(detector):
    return Inspector(detector)


@pytest.fixture(scope="module")
def domain(detector):
    if detector.card.domain is None:
        pytest.skip("the bundled model brings no description of its training faces")
    return read_domain(detector.folder.domain_path, detector.card.domain)


def test_a_picture_is_answered_with_all_its_grounds(inspector, detector, photo):
    found = inspector.inspect(photo)
    assert found.report.score == detector.detect(photo).score
    assert found.verdict in {found.report.verdict, Verdict.UNCERTAIN}
    assert [change.name for change in found.stability.changes] == list(change_names())
    (face,) = found.explained
    assert face.heat.method == CLASS_ACTIVATION
    assert [view.name for view in found.pictures()[0]] == ["face", "heat", "residual", "spectrum"]
    assert all(view.pixels.shape == (256, 256, 3) for view in found.pictures()[0])
    assert found.provenance.jpeg.quality == 92
    assert json.loads(json.dumps(found.to_dict()))["unmask_inspection"] == 1


def test_the_same_file_is_answered_the_same(inspector, photo):
    one, other = (inspector.inspect(photo).to_dict() for _ in range(2))
    for found in (one, other):
        del found["date"], found["detection"]["seconds"]
    assert one == other


def test_a_clip_is_answered_by_its_deciding_person(inspector, clip):
    found = inspector.inspect(clip)
    times = [face.face.crop.time_s for face in found.explained]
    assert len(times) == 3
    assert times == sorted(times)
    assert {face.face.crop.person for face in found.explained} == {0}
    assert found.stability.changes[0].name == FEWER_FRAMES
    assert found.stability.score == found.report.score.probability
    assert found.provenance.container["streams"]
    assert len(found.perceptual_hash) == 16


def test_nothing_is_explained_where_there_is_no_face(inspector, tmp_path):
    path = tmp_path / "hill.png"
    Image.new("RGB", (320, 240), (90, 140, 90)).save(path)
    found = inspector.inspect(path)
    assert found.verdict is Verdict.NO_FACE
    assert found.explained == ()
    assert found.stability is None
    assert found.provenance.sha256


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\xff\xd8\xff\xe0broken"])
def test_a_file_that_cannot_be_answered_has_an_error(inspector, tmp_path, content):
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    found = inspector.inspect(path)
    assert found.verdict is None
    assert found.report.error is not None
    assert found.to_dict()["verdict"] == "error"


def test_of_many_faces_some_are_explained_and_all_count(inspector, tmp_path):
    face = data.astronaut()[:200, 120:320]
    path = tmp_path / "crowd.png"
    Image.fromarray(np.tile(face, (3, 4, 1))).save(path)
    found = inspector.inspect(path)
    assert len(found.report.faces) > 8
    assert len(found.explained) == 8
    assert found.stability.score == max(f.score.probability for f in found.report.faces)


def test_its_own_word_stands_against_a_real_photograph(inspector, tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a woman\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 512x512")
    path = tmp_path / "declared.png"
    Image.fromarray(data.astronaut()).save(path, pnginfo=info)
    found = inspector.inspect(path)
    assert found.report.verdict is Verdict.REAL
    assert found.verdict is Verdict.UNCERTAIN
    assert "the file itself says otherwise" in " ".join(found.reasons)


def test_a_score_that_a_slight_change_turns_is_uncertain(detector, photo):
    """With a threshold between the photograph's scores, as it is and changed."""
    stability = Inspector(detector).inspect(photo).stability
    low, high = stability.span
    turning = (stability.score + (high if high > stability.score else low)) / 2
    found = Inspector(Detector(threshold=turning)).inspect(photo)
    assert found.report.verdict in {Verdict.FAKE, Verdict.REAL}
    assert found.verdict is Verdict.UNCERTAIN
    assert "crosses the threshold" in found.reasons[0]


def draw_face(seed):
    """A face as a child draws it."""
    generator = np.random.default_rng(seed)
    colours = [tuple(int(v) for v in row) for row in generator.integers(0, 256, (4, 3))]
    image = Image.new("RGB", (256, 256), colours[0])
    draw = ImageDraw.Draw(image)
    draw.ellipse((50, 30, 206, 240), fill=colours[1], outline="black", width=3)
    for x in (98, 158):
        draw.ellipse((x - 14, 105, x + 14, 127), fill="white", outline="black", width=2)
        draw.ellipse((x - 6, 110, x + 6, 122), fill=colours[2])
    draw.arc((95, 160, 161, 205), 20, 160, fill=colours[3], width=6)
    return np.asarray(image)


@pytest.mark.parametrize(
    ("pictures", "share"),
    [
        ([draw_face(seed) for seed in range(8)], 0.9),
        (
            [
                getattr(data, name)()[:256, :256, :3]
                for name in ("rocket", "retina", "hubble_deep_field")
            ],
            0.9,
        ),
        ([np.full((256, 256, 3), 120, np.uint8)], 0.9),
        ([np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)], 0.9),
    ],
    ids=["drawings", "objects", "flat", "noise"],
)
def test_strange_crops_are_unlike_the_training_faces(detector, domain, pictures, share):
    look = detector.run_network(np.stack(pictures)).look
    assert (domain.measure(look) > 1).mean() >= share


@pytest.mark.usefixtures("domain")
def test_a_strange_crop_makes_a_verdict_uncertain(detector, tmp_path, monkeypatch):
    """A drawing that the face detector takes for a face, which it does of few."""
    path = tmp_path / "drawing.png"
    Image.fromarray(draw_face(3)).save(path)
    box = FaceBox((40.0, 30.0, 220.0, 230.0), 0.99, np.zeros((5, 2), np.float32))
    monkeypatch.setattr("unmask.media.faces.MtcnnFinder.find", lambda *_: (box,))
    found = Inspector(detector).inspect(path)
    assert found.unlike > 1
    assert found.verdict is Verdict.UNCERTAIN
    assert "unlike anything the model was trained on" in " ".join(found.reasons)


def test_faces_of_a_held_out_set_are_like_the_training_faces(detector, domain, shared_data):
    paths = sorted((shared_data / "rvf10k_valid_sample" / "real").iterdir())[:40]
    crops = np.stack([detector.detect(path).faces[0].crop.pixels for path in paths])
    assert (domain.measure(detector.run_network(crops).look) > 1).mean() <= 0.1


def test_a_model_without_a_description_says_nothing_of_likeness(detector, photo, tmp_path):
    card = detector.card.model_copy(update={"domain": None})
    write_model(card, detector.folder.weights_path, tmp_path / "plain")
    found = Inspector(Detector(tmp_path / "plain")).inspect(photo)
    assert found.unlike is None
    assert found.to_dict()["unlike"] is None
