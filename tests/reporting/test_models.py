import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from unmask.models.card import (
    CalibrationCard,
    CropCard,
    DataCard,
    EvidenceCard,
    MetricCard,
    ModelCard,
    PolicyCard,
    WeightsCard,
)
from unmask.models.library import ModelFolder
from unmask.reporting.models import models_json, print_models


@pytest.fixture
def folder():
    card = ModelCard(
        name="tiny",
        version="1.2",
        architecture="a small network",
        crop=CropCard(size_px=224, margin=1.3, shift_y=0, whole_frame_from=0.8),
        mean=(0, 0, 0),
        std=(1, 1, 1),
        calibration=CalibrationCard(),
        policies={"balanced": PolicyCard(threshold=0.5, real_below=0.4, meaning="equal errors")},
        weights=WeightsCard(sha256="ab" * 32, size_bytes=9_000_000, parameters=2_200_000),
        data=(DataCard(name="faces", split="train", real=10, fake=12, sha256="0" * 64),),
        evidence=EvidenceCard(least_face_px=28, least_sharpness=21, most_blockiness=2),
        metrics=(
            MetricCard(name="AUC", value=0.9967, low=0.99, high=0.999, data="faces, test", n=300),
        ),
        licence="MIT",
        limits=("says little of screenshots",),
    )
    return ModelFolder(Path("models/tiny"), card)


def test_all_that_is_known_is_shown(folder):
    console = Console(file=io.StringIO(), width=120)
    print_models([folder], console)
    text = console.file.getvalue()
    for part in (
        "tiny 1.2",
        "9.0 MB",
        "AUC 0.9967 [0.99, 0.999] on faces, test, frame-level, n = 300",
        "balanced: fake from 0.500, real below 0.400; equal errors",
        "faces below 28 px",
        "faces less sharp than 21",
        "faces more blocky than 2",
        "faces, train: 10 real, 12 fake",
        "MIT",
        "says little of screenshots",
        "ab" * 32,
        "models/tiny",
    ):
        assert part in text


def test_json_is_the_card_with_its_folder(folder):
    (card,) = json.loads(models_json([folder]))
    assert card["path"] == "models/tiny"
    assert card["weights"]["sha256"] == "ab" * 32


def test_no_models_are_an_empty_list():
    assert json.loads(models_json([])) == []
