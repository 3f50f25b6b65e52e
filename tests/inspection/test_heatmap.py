"""Heat maps show what the network went by: they follow its weights and its input."""

import cv2
import numpy as np
import openvino
import pytest
from openvino import opset13
from scipy.stats import spearmanr

from unmask.detection.detector import Detector
from unmask.inspection.heatmap import (
    CLASS_ACTIVATION,
    OCCLUSION,
    Explainer,
    HeatMap,
    describe_heat,
    draw_heat,
    hide,
)
from unmask.media.images import encode_jpeg, read_image
from unmask.models.engine import EngineOutputs
from unmask.models.library import describe_files, open_model, write_model


@pytest.fixture(scope="module")
def explainer(detector):
    return Explainer(detector.folder, detector.run_network)


@pytest.fixture(scope="module")
def crops(detector, shared_data):
    """Twelve faces of pictures that were not trained on."""
    folders = [shared_data / "rvf10k_valid_sample" / name for name in ("fake", "real")]
    paths = [path for folder in folders for path in sorted(folder.iterdir())[:6]]
    return [detector.detect(path).faces[0].crop.pixels for path in paths]


def randomise(folder, *, head_only):
    """The bundled network with its weights shuffled, as a model folder of its own."""
    bundled = open_model()
    model = openvino.Core().read_model(bundled.weights_path)
    generator = np.random.default_rng(0)
    for node in model.get_ops():
        weights = node.get_data() if node.get_type_name() == "Constant" else np.zeros(0)
        if weights.dtype != np.float32 or weights.size < 256:
            continue
        if weights.ndim == 2 or not head_only:
            shuffled = generator.permutation(weights.ravel()).reshape(weights.shape)
            for user in node.output(0).get_target_inputs():
                user.replace_source_output(opset13.constant(shuffled).output(0))
    xml, binary = folder / "model.xml", folder / "model.bin"
    openvino.save_model(model, xml, compress_to_fp16=False)
    weights = describe_files([xml, binary], bundled.card.weights.parameters)
    out = folder / "out"
    write_model(bundled.card.model_copy(update={"weights": weights}), xml, out)
    return Detector(out)


def likeness(one, other):
    return spearmanr(one.grid.ravel(), other.grid.ravel())[0]


def test_class_activation_adds_up_to_the_logit(explainer, detector, face):
    heat = explainer.explain(face)
    assert heat.method == CLASS_ACTIVATION
    blank = explainer.explain(np.full_like(face, 128))
    logits = detector.run_network(np.stack([face, np.full_like(face, 128)])).logit
    gap = float(heat.grid.sum() - blank.grid.sum()) - float(logits[0] - logits[1])
    assert abs(gap) < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("head_only", [True, False])
def test_random_weights_give_other_maps(explainer, crops, tmp_path, head_only):
    """The sanity check of Adebayo et al. 2018 (arXiv 1810.03292).

    One face alone may look alike, or just the other way round, by chance.
    """
    randomised = randomise(tmp_path, head_only=head_only)
    other = Explainer(randomised.folder, randomised.run_network)
    assert other.explain(crops[0]).method == CLASS_ACTIVATION
    found = [likeness(explainer.explain(crop), other.explain(crop)) for crop in crops]
    again = [explainer.explain(read_image(encode_jpeg(crop, 90))) for crop in crops]
    kept = [likeness(explainer.explain(c), a) for c, a in zip(crops, again, strict=True)]
    assert np.mean(kept) > 0.85
    assert abs(np.mean(found)) < 0.35


def delete(detector, crop, grid):
    """The mean logit while the cells of a map are blurred away, the highest first, up to half."""
    hidden, order = hide(crop).astype(np.float32), np.argsort(-grid.ravel())
    crops = []
    for count in (0, 4, 8, 12, 16, 24, 32):
        cells = np.zeros(grid.size, np.float32)
        cells[order[:count]] = 1
        side = crop.shape[:2]  # feathered, since seams are traces of their own
        mask = cv2.resize(cells.reshape(grid.shape), side, interpolation=cv2.INTER_LINEAR)
        crops.append(crop * (1 - mask[..., None]) + hidden * mask[..., None])
    return float(detector.run_network(np.rint(np.stack(crops)).astype(np.uint8)).logit.mean())


def test_deleting_by_the_map_takes_the_evidence_away(detector, explainer, face):
    """The deletion test of Petsiuk et al. 2018 (arXiv 1806.07421), on one photograph."""
    grid = explainer.explain(face).grid
    assert delete(detector, face, grid) < delete(detector, face, -grid)


@pytest.mark.slow
def test_deleting_by_the_map_beats_turned_maps(detector, explainer, crops):
    """Turned maps delete areas of the same shape, but not those that the network went by."""
    wins_over_turned, wins_over_least = 0, 0
    for crop in crops:
        grid = explainer.explain(crop).grid
        own = delete(detector, crop, grid)
        turned = [delete(detector, crop, np.rot90(grid, turns)) for turns in (1, 2, 3)]
        wins_over_turned += own < np.mean(turned)
        wins_over_least += own < delete(detector, crop, -grid)
    assert wins_over_least >= len(crops) - 1
    assert wins_over_turned >= len(crops) - 2


@pytest.mark.parametrize(
    "head",
    [
        None,  # no linear head was found
        np.ones(7, np.float32),  # one that is of other maps
        np.linspace(-3, 3, 1280, dtype=np.float32),  # one that does not give the logit
    ],
)
def test_other_networks_are_explained_by_occlusion(detector, face, monkeypatch, head):
    monkeypatch.setattr("unmask.inspection.heatmap.read_head", lambda _: head)
    heat = Explainer(detector.folder, detector.run_network).explain(face)
    assert heat.method == OCCLUSION
    assert heat.grid.shape == (8, 8)


def test_occlusion_finds_the_only_bright_corner(detector):
    """Of a network whose logit is the brightness of one quarter."""

    def network(pixels):
        logit = pixels[:, :128, 128:].mean(axis=(1, 2, 3)).astype(np.float32)
        empty = np.zeros((len(pixels), 3, 1, 1), np.float32)
        return EngineOutputs(logit, empty[..., 0, 0], empty)

    crop = np.zeros((256, 256, 3), np.uint8)
    crop[32:96, 160:224] = 255
    heat = Explainer(detector.folder, network).explain(crop)
    assert heat.method == OCCLUSION
    row, column = divmod(int(heat.grid.argmax()), 8)
    assert row < 4
    assert column >= 4
    assert np.abs(heat.grid[5:, :3]).max() < 0.05 * heat.grid.max()


def test_drawn_heat_is_orange_for_fake_and_blue_for_real():
    grid = np.zeros((8, 8), np.float32)
    grid[1, 1], grid[6, 6] = 1, -1
    drawn = draw_heat(np.full((64, 64, 3), 90, np.uint8), HeatMap(OCCLUSION, grid)).astype(int)
    assert drawn[12, 12, 0] > drawn[12, 12, 2] + 30
    assert drawn[52, 52, 2] > drawn[52, 52, 0] + 30
    assert np.abs(drawn[52, 8] - 90).max() <= 12


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({(0, 0): 2.0}, "most for fake at the top left (+2.00 of the logit)"),
        ({(3, 4): -1.5}, "most for real at the centre (-1.50 of the logit)"),
        ({}, ""),  # nothing anywhere
    ],
)
def test_words_of_a_map(cells, words):
    grid = np.zeros((8, 8), np.float32)
    for place, value in cells.items():
        grid[place] = value
    assert describe_heat(HeatMap(OCCLUSION, grid)) == words
