# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["tensorflow-cpu>=2.18", "keras>=3.7", "scipy", "pillow"]
# ///
"""A training in the notebooks' way: Keras on TensorFlow, ImageDataGenerator, model.fit.

The baseline of `training_speed.py`, which starts it in an environment of its own.
"""

import argparse
import json
import time

import keras
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator

NETWORKS = {"resnet50": keras.applications.ResNet50, "xception": keras.applications.Xception}


class Clock(keras.callbacks.Callback):
    """Notes when each batch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002 (Keras passes it)
        """Keras calls this."""
        self.ends.append(time.perf_counter())


def main() -> None:
    """Train some steps and print pictures per second, the first steps left out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--warm", type=int, required=True)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(42)
    generator = ImageDataGenerator(rescale=1 / 255, rotation_range=15, horizontal_flip=True)
    flow = generator.flow_from_directory(
        arguments.data,
        target_size=(224, 224),
        batch_size=arguments.batch,
        class_mode="categorical",
        seed=42,
    )
    base = NETWORKS[arguments.network](
        weights=None, include_top=False, input_shape=(224, 224, 3), pooling="avg"
    )
    model = keras.Sequential([base, layers.Dense(2, activation="softmax")])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    clock = Clock()
    steps = arguments.warm + arguments.steps
    model.fit(flow, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[clock])
    seconds = clock.ends[-1] - clock.ends[arguments.warm - 1]
    rate = arguments.batch * arguments.steps / seconds
    print(json.dumps({"images_per_s": rate, "keras": keras.__version__}))


if __name__ == "__main__":
    main()
