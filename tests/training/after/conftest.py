"""Tiny networks that tell sharp faces from blurred ones, as model folders, and such faces."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from sklearn.linear_model import LogisticRegression

from unmask.data.manifest import Manifest, Sample
from unmask.media.faces import CropGeometry, MtcnnFinder, crop_face
from unmask.models.card import CalibrationCard, CropCard, ModelCard, PolicyCard
from unmask.models.export import describe_weights, export_onnx
from unmask.models.library import open_model, write_model
from unmask.models.zoo import build_model

PER_CLASS = 24


@pytest.fixture(scope="session")
def portraits(tmp_path_factory):
    """A face in many lights; fakes are blurred. All samples are of the split `val`."""
    folder = tmp_path_factory.mktemp("portraits")
    face = data.astronaut()[:256, 96:352]
    samples = []
    for number in range(PER_CLASS):
        lit = (face * (1 - 0.4 * number / PER_CLASS)).astype(np.uint8)
        lit = lit[:, ::-1] if number % 2 else lit
        for label, pixels in enumerate((lit, cv2.GaussianBlur(lit, (0, 0), 1.5))):
            path = folder / f"{number}-{label}.png"
            Image.fromarray(np.ascontiguousarray(pixels)).save(path)
            samples.append(Sample(str(path), label, "val", dataset="astronaut"))
    return Manifest(tuple(samples))


@pytest.fixture(scope="session")
def face_crops(portraits):
    """Their crops of 64 px and labels."""
    finder, geometry = MtcnnFinder(), CropGeometry(size_px=64)
    crops = []
    for sample in portraits:
        with Image.open(sample.path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        crops.append(crop_face(pixels, finder.find(pixels)[0], geometry).pixels)
    return SimpleNamespace(
        pixels=np.stack(crops), labels=np.array([sample.label for sample in portraits])
    )


def make_network(seed, size_px, face_crops):
    """A random backbone under a head that is fitted to the crops."""
    torch.manual_seed(seed)
    network = build_model("resnet10t", input_px=size_px).eval()
    small = np.stack([cv2.resize(crop, (size_px, size_px)) for crop in face_crops.pixels])
    with torch.inference_mode():
        images = torch.from_numpy(small).permute(0, 3, 1, 2) / 255
        features = network(images).features.numpy()
    spread = features.std(axis=0) + 1e-6
    fit = LogisticRegression(max_iter=1000).fit(features / spread, face_crops.labels)
    scale = 3 / fit.decision_function(features / spread).std()  # logits as networks have them
    head = network.head[-1]
    head.weight.data = torch.tensor(scale * fit.coef_ / spread, dtype=torch.float32)
    head.bias.data = torch.tensor(scale * fit.intercept_, dtype=torch.float32)
    return network


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory, face_crops):
    """Three model folders by name; `small` takes half the side of the others."""
    root = tmp_path_factory.mktemp("tiny")
    made = {}
    for seed, (name, size_px) in enumerate({"one": 64, "small": 32, "two": 64}.items()):
        network = make_network(seed, size_px, face_crops)
        weights = root / "model.onnx"
        export_onnx(network, size_px, weights)
        policy = PolicyCard(threshold=0.5 + seed / 10, real_below=0.4, meaning="a test")
        geometry = CropGeometry(size_px=size_px)
        card = ModelCard(
            name=name,
            version="1",
            architecture="resnet10t",
            crop=CropCard(
                size_px=size_px,
                margin=geometry.margin,
                shift_y=geometry.shift_y,
                whole_frame_from=geometry.whole_frame_from,
            ),
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
            calibration=CalibrationCard(slope=1.0 + seed, offset=0.1 * seed),
            policies={"balanced": policy, name: policy},
            weights=describe_weights(weights, network),
            limits=("a test",),
        )
        write_model(card, weights, root / name)
        made[name] = open_model(root / name)
    return made
