"""Count the verdicts that the stability check of `unmask inspect` takes back.

    uv run --extra train examples/bundled_firmness.py --data DIR --most 100 --out firmness.md

Of every data set and class of --data so many pictures are inspected; a row says what the detector
called them, and how many of these calls a slight change of the picture turned, so that the
inspection says `uncertain`.
"""

import argparse
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from unmask.data.manifest import LABEL_NAMES, Sample
from unmask.data.reading import read_data
from unmask.detection.detector import Detector
from unmask.inspection.inspect import Inspector
from unmask.records import Verdict

SEED = 2027


def main() -> None:
    """Parse the command line, inspect, count, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None, help="a model folder; the bundled one otherwise")
    parser.add_argument("--engine", default="auto", help="auto, openvino or onnxruntime")
    parser.add_argument("--data", type=Path, required=True, help="a folder or a table")
    parser.add_argument("--most", type=int, default=100, help="pictures of each set and class")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown table")
    arguments = parser.parse_args()
    inspector = Inspector(Detector(arguments.model, engine=arguments.engine))
    parts: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in read_data(arguments.data).manifest:
        parts[sample.dataset, sample.label].append(sample)
    lines = ["| set | class | called | n | turned by a slight change |", "|---|---|---|---|---|"]
    for (dataset, label), samples in sorted(parts.items()):
        order = np.random.default_rng(SEED).permutation(len(samples))[: arguments.most]
        for verdict, (called, turned) in count(inspector, [samples[at] for at in order]).items():
            name = f"| {dataset} | {LABEL_NAMES[label]} | {verdict}"
            lines.append(f"{name} | {called} | {describe(verdict, turned, called)} |")
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def count(inspector: Inspector, samples: list[Sample]) -> dict[str, tuple[int, int]]:
    """How often each verdict of the detector was given, and how often it was taken back."""
    called: Counter[str] = Counter()
    turned: Counter[str] = Counter()
    for sample in samples:
        found = inspector.inspect(sample.path)
        verdict = found.report.verdict
        name = verdict.value if verdict else "error"
        called[name] += 1
        stability = found.stability
        if stability and stability.crosses(verdict, inspector.detector.policy.threshold):
            turned[name] += 1
    return {name: (called[name], turned[name]) for name in sorted(called)}


def describe(verdict: str, turned: int, called: int) -> str:
    """A share with its interval, where there was a verdict to turn."""
    if verdict not in {Verdict.FAKE.value, Verdict.REAL.value}:
        return ""
    ends = binomtest(turned, called).proportion_ci(method="wilson")
    return f"{turned} ({100 * turned / called:.0f} % [{100 * ends.low:.0f}, {100 * ends.high:.0f}])"


if __name__ == "__main__":
    main()
