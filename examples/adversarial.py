"""How far a forger who has the network can move it: FGSM and PGD steps against a trained run.

    uv run --extra train examples/adversarial.py --run runs/bundled --data data/manifest.csv \
        --out docs/results/adversarial.json

Face crops of the run's validation split are changed by at most so many levels per pixel, fakes
towards real and reals towards fake: FGSM (Goodfellow et al. 2015, arXiv 1412.6572) in one step, PGD
(Madry et al. 2018, arXiv 1706.06083) in ten. The changed crops are rounded to whole levels, as a
file holds them, and scored by the engine that detection uses. Of those that changed sides, the
stability check of `unmask inspect` is asked which it finds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from unmask.data.reading import read_data
from unmask.detection.detector import Detector
from unmask.evaluation.machine import describe_hardware
from unmask.inspection.stability import gather, vary
from unmask.models.zoo import NETWORK_NAME, FaceNet, build_model
from unmask.records import Frame, Pixels, ScoredFace, Verdict
from unmask.training.settings import load_settings

EPSILONS = (1, 2, 4)
STEPS = {"fgsm": 1, "pgd": 10}
BATCH = 20


def main() -> None:
    """Parse the command line, attack, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="run folder of `unmask train`")
    parser.add_argument("--data", type=Path, required=True, help="data with a validation split")
    parser.add_argument("--faces", type=int, default=200, help="of both classes together")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    arguments = parser.parse_args()
    detector = Detector(arguments.run)
    network = load(arguments.run)
    crops, labels = gather_crops(detector, arguments.data, arguments.faces, arguments.seed)
    rows = [{"attack": "none", "epsilon": 0, **judge(detector, crops, crops, labels)}]
    for name, steps in STEPS.items():
        for epsilon in EPSILONS:
            parts = [slice(start, start + BATCH) for start in range(0, len(crops), BATCH)]
            changed = np.concatenate(
                [attack(network, crops[part], labels[part], epsilon, steps) for part in parts]
            )
            found = judge(detector, crops, changed, labels)
            rows.append({"attack": name, "epsilon": epsilon, **found})
            print(rows[-1], flush=True)
    report = {
        "model": detector.model_id.to_dict(),
        "faces": len(crops),
        "seed": arguments.seed,
        "hardware": describe_hardware(),
        "rows": rows,
    }
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def load(run: Path) -> FaceNet:
    """The network of a run, as it was trained."""
    settings = load_settings(str(run / "settings.json"))
    network = build_model(
        settings.model, input_px=settings.side_px(), pretrained=str(run), head=settings.head
    )
    network.load_state_dict(load_file(run / NETWORK_NAME))
    return network.eval().requires_grad_(requires_grad=False)


def gather_crops(
    detector: Detector, data: Path, count: int, seed: int
) -> tuple[Pixels, np.ndarray]:
    """Crops (N, S, S, 3) and labels (N,): as many of each class, each called rightly."""
    samples = read_data(data).manifest.select("val").samples
    crops: dict[int, list[Pixels]] = {0: [], 1: []}
    threshold = detector.policy.threshold
    for number in np.random.default_rng(seed).permutation(len(samples)):
        sample = samples[number]
        if len(crops[sample.label]) < count // 2:
            faces = detector.detect(sample.path).faces
            if len(faces) == 1 and (faces[0].score.probability >= threshold) == sample.label:
                crops[sample.label].append(faces[0].crop.pixels)
    labels = np.repeat([0, 1], [len(crops[0]), len(crops[1])])
    return np.stack([*crops[0], *crops[1]]), labels


def attack(network: FaceNet, crops: Pixels, labels: np.ndarray, epsilon: int, steps: int) -> Pixels:
    """Crops changed by at most epsilon levels so that the network errs, in whole levels."""
    start = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2) / 255
    target = torch.from_numpy(np.where(labels == 1, -1.0, 1.0)).float()
    limit = epsilon / 255
    size = limit if steps == 1 else 2.5 * limit / steps
    changed: Tensor = start.clone()
    for _ in range(steps):
        changed = changed.detach().requires_grad_()
        (network(changed).logit * target).sum().backward()
        moved = changed.detach() + size * changed.grad.sign()
        changed = torch.clamp(torch.clamp(moved, start - limit, start + limit), 0, 1)
    return (changed * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def judge(
    detector: Detector, crops: Pixels, changed: Pixels, labels: np.ndarray
) -> dict[str, float | int | None]:
    """What became of the verdicts, and how many of those that changed sides are seen through."""
    threshold = detector.policy.threshold
    before, logits = score(detector, crops), score(detector, changed)
    called = np.array([score.probability >= threshold for score in detector.to_scores(logits)])
    fooled = np.flatnonzero(called != labels.astype(bool))
    caught = sum(is_unstable(detector, changed[number]) for number in fooled)
    moved = np.abs(logits - before)
    return {
        "fakes_called_real": float(np.mean(~called[labels == 1])),
        "reals_called_fake": float(np.mean(called[labels == 0])),
        "median_logit_shift": float(np.median(moved)),
        "fooled": len(fooled),
        "found_unstable": int(caught),
    }


def score(detector: Detector, crops: Pixels) -> np.ndarray:
    """Logits (N,) of crops."""
    starts = range(0, len(crops), BATCH)
    return np.concatenate([detector.run_network(crops[n : n + BATCH]).logit for n in starts])


def is_unstable(detector: Detector, crop: Pixels) -> bool:
    """Whether the verdict on a crop changes under the mild changes that `inspect` tries."""
    faces = detector.find_faces(Frame(crop))
    if not faces:
        return True
    face: ScoredFace = detector.score_crops(faces[:1])[0]
    views = np.stack(list(vary(crop, face.crop, detector.card.crop.size_px)))
    scores = [s.probability for s in detector.to_scores(detector.run_network(views).logit)]
    verdict = detector.policy.decide(face.score.probability)
    if verdict is Verdict.UNCERTAIN:
        return True
    return gather(face.score.probability, scores).crosses(verdict, detector.policy.threshold)


if __name__ == "__main__":
    main()
