"""The verb: all inputs of some sources, answered once each, into a folder of results."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from unmask.detection.policy import choose_policy
from unmask.errors import UsageError
from unmask.evaluation.machine import count_cores, describe_hardware
from unmask.models.library import ModelFolder, open_model
from unmask.scan.crew import Crew, Part
from unmask.scan.folder import open_folder
from unmask.scan.parts import spell
from unmask.scan.shards import Shard, digest_name
from unmask.scan.sources import Item, Listing
from unmask.scan.worker import Work

TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What to scan, how, and where to."""

    sources: tuple[str, ...]
    out: Path
    detector: dict[str, Any] = field(default_factory=dict)
    """Arguments of `Detector`."""
    shard: Shard = field(default_factory=Shard)
    workers: int = 0
    """Processes, or tasks of Ray, at a time; 0 for one for each core."""
    timeout_s: float = TIMEOUT_S
    """How long an input may take."""
    part_rows: int = 4096
    part_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is."""

    done: int
    """Inputs whose answers are kept, those of earlier starts included."""
    answered: int
    """Inputs answered since this start."""
    seconds: float
    """Since this start."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a finished scan found."""

    folder: Path
    inputs: int
    verdicts: dict[str, int]
    errors: dict[str, int]
    repeated: int
    """Inputs that were named a second time."""
    skipped: dict[str, int]
    """What the sources hold and was passed over, by extension or reason."""
    answered: int
    """Since this start."""
    seconds: float
    """Of this start."""


def scan(
    plan: ScanPlan, engine: str = "local", observe: Callable[[Progress], None] = lambda _: None
) -> ScanResult:
    """Answer each input once, from where an earlier start stopped.

    Args:
        plan: What, how and where to.
        engine: `local` for processes on this machine, `ray` for a Ray cluster.
        observe: Called as inputs are answered, many times a second.

    Raises:
        UsageError: The folder holds something else, or a scan with other settings or one that is
            running; a source is not there; the detector's settings cannot be.
        ModelError: The model folder is broken.
    """
    if engine not in _ENGINES:
        message = f"engine must be one of {', '.join(_ENGINES)}, got {engine!r}"
        raise UsageError(message)
    model = _check_detector(plan.detector)
    listing = Listing(plan.sources)
    started, begun = time.monotonic(), datetime.now(UTC)
    with open_folder(plan.out / plan.shard.folder_name, _describe(plan, model), plan.shard) as kept:
        answered, at_start = 0, kept.done

        def count(number: int) -> None:
            nonlocal answered
            answered += number
            observe(Progress(at_start + answered, answered, time.monotonic() - started))

        count(0)
        for part in _ENGINES[engine](plan, kept.choose(listing), kept.scratch, count):
            kept.commit(part.path, part.rows)
        seconds = time.monotonic() - started
        tally = kept.conclude(
            {
                "repeated": kept.repeated,
                "passed_over": dict(listing.skipped),
                "settings": _describe(plan, model),
                "last_start": {
                    "begun_at": begun.isoformat(timespec="seconds"),
                    "seconds": round(seconds, 1),
                    "answered": answered,
                    "engine": engine,
                    "hardware": describe_hardware(),
                },
            }
        )
        return ScanResult(
            folder=kept.path,
            inputs=tally.rows,
            verdicts=tally.verdicts,
            errors=tally.errors,
            repeated=kept.repeated,
            skipped=dict(listing.skipped.most_common(8)),
            answered=answered,
            seconds=seconds,
        )


def count_inputs(plan: ScanPlan) -> int:
    """How many inputs the sources name for this shard, in a listing of its own."""
    everything = plan.shard.count == 1
    return sum(
        everything or plan.shard.holds(digest_name(spell(item.name)))
        for item in Listing(plan.sources)
    )


def _answer_here(
    plan: ScanPlan, items: Iterator[Item], scratch: Path, observe: Callable[[int], None]
) -> Iterator[Part]:
    cores = count_cores()
    workers = plan.workers or cores
    threads = max(1, cores // workers)
    work = Work(plan.detector, str(scratch), threads, plan.part_rows, plan.part_s)
    with Crew(work, workers, plan.timeout_s) as crew:
        yield from crew.answer(items, observe)


def _answer_on_ray(
    plan: ScanPlan, items: Iterator[Item], scratch: Path, observe: Callable[[int], None]
) -> Iterator[Part]:
    from unmask.scan.on_ray import RayTasks

    work = Work(plan.detector, str(scratch), 1, plan.part_rows, plan.part_s)
    yield from RayTasks(work, plan.workers, plan.timeout_s).answer(items, observe)


_ENGINES: Final = {"local": _answer_here, "ray": _answer_on_ray}
ENGINES: Final = tuple(_ENGINES)


def _check_detector(settings: dict[str, Any]) -> ModelFolder:
    """Refuse here, in one line, what each worker would refuse."""
    model = open_model(settings.get("model"))
    choose_policy(model.card, settings.get("policy", "balanced"), settings.get("threshold"))
    return model


def _describe(plan: ScanPlan, model: ModelFolder) -> dict[str, Any]:
    """What the answers of a scan depend on: what must be the same at every start."""
    card = model.card
    named = {key: value for key, value in plan.detector.items() if key not in {"model", "device"}}
    return {
        "sources": list(plan.sources),
        "shard": f"{plan.shard.number}/{plan.shard.count}",
        "model": {"name": card.name, "version": card.version, "sha256": card.weights.sha256},
        **named,
    }
