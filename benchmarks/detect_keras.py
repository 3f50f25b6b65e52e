# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["tensorflow-cpu>=2.18", "keras>=3.7", "opencv-python-headless>=4.10"]
# ///
"""Detection in the notebooks' way: Keras' Xception, `cv2.imread`, `model.predict`.

A baseline of `speed.py`, which starts it in an environment of its own.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import keras
import numpy as np

SIDE_PX = 224
BATCH = 32


def main() -> None:
    """Answer pictures one by one and in batches, after one call to warm up; print rates as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--singles", type=int, default=16, help="pictures that are asked one by one"
    )
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.jpg"))
    base = keras.applications.Xception(
        weights=None, include_top=False, input_shape=(SIDE_PX, SIDE_PX, 3), pooling="avg"
    )
    model = keras.Sequential([base, keras.layers.Dense(1, activation="sigmoid")])
    model.predict(read(paths[0])[None], verbose=0)
    model.predict(np.stack([read(path) for path in paths[:BATCH]]), verbose=0)
    started = time.perf_counter()
    for path in paths[: arguments.singles]:
        model.predict(read(path)[None], verbose=0)
    one_by_one = arguments.singles / (time.perf_counter() - started)
    started = time.perf_counter()
    whole = len(paths) // BATCH * BATCH
    for start in range(0, whole, BATCH):
        model.predict(np.stack([read(path) for path in paths[start : start + BATCH]]), verbose=0)
    batches = whole / (time.perf_counter() - started)
    print(json.dumps({"one_by_one": one_by_one, "batches": batches, "keras": keras.__version__}))


def read(path: Path) -> np.ndarray:
    """A picture as the network takes it."""
    pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return cv2.resize(pixels, (SIDE_PX, SIDE_PX)).astype(np.float32) / 255


if __name__ == "__main__":
    main()
