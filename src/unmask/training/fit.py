"""One training: crops and settings in, a run folder with the best weights out."""

import io
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Final

import lightning
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from unmask.errors import UsageError
from unmask.files import write_whole
from unmask.models.zoo import FaceNet, build_model
from unmask.training.crops import CropStore
from unmask.training.feed import Feed
from unmask.training.module import FaceModule, Stopwatch
from unmask.training.settings import Phase, TrainSettings, load_settings

SETTINGS_NAME: Final = "settings.json"
_KNOWN_WARNINGS: Final = (
    ".*exists and is not empty.*",  # a resumed run's folder
    ".*does not have many workers.*",  # one worker keeps two cores fed
    ".*number of training batches.*",  # small data sets
)
_DEVICES: Final = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}


def fit(
    store: CropStore,
    settings: TrainSettings,
    run: Path,
    *,
    resume: bool = False,
    callbacks: tuple[lightning.Callback, ...] = (),
) -> FaceNet:
    """Train on the store's `train` rows, select on its `val` rows, and return the best weights.

    Every phase begins with the best weights of the one before. The run folder gets
    `settings.json`, `logs` (CSV), `tensorboard` and per phase `checkpoints`; an interrupted run
    goes on with `resume` from its last whole epoch and ends as it would have.

    Raises:
        UsageError: the folder holds a run already, or one with other settings is to be resumed.
    """
    claim_run(run, settings, resume=resume)
    lightning.seed_everything(settings.seed, workers=True, verbose=False)
    network = build_model(
        settings.model,
        input_px=settings.side_px(),
        pretrained=settings.pretrained,
        head=settings.head,
        dropout=settings.dropout,
    )
    for number in range(1, len(settings.phases) + 1):
        _fit_phase(network, store, settings, run, number, callbacks)
    return network.eval()


def claim_run(run: Path, settings: TrainSettings, *, resume: bool) -> None:
    """Make a folder this run's own.

    Raises:
        UsageError: the folder holds a run already, or one with other settings is to be resumed.
    """
    path = run / SETTINGS_NAME
    if path.is_file():
        if not resume:
            message = f"{run} holds a run already; choose another folder or add --resume"
            raise UsageError(message)
        if load_settings(str(path)) != settings:
            message = f"{run} was begun with other settings ({path}); resume with the same ones"
            raise UsageError(message)
    run.mkdir(parents=True, exist_ok=True)
    write_whole(path, settings.model_dump_json(indent=2))


def _fit_phase(
    network: FaceNet,
    store: CropStore,
    settings: TrainSettings,
    run: Path,
    number: int,
    callbacks: tuple[lightning.Callback, ...],
) -> None:
    phase = settings.phases[number - 1]
    folder = run / "checkpoints" / f"phase-{number}"
    done = folder / "done"
    if not done.is_file():
        best = ModelCheckpoint(
            folder,
            "best",
            monitor="val_loss",
            save_last=True,
            enable_version_counter=False,  # a killed run's first `best` is not in the way
        )
        trainer = _build_trainer(settings, phase, run, f"phase-{number}", (best, *callbacks))
        module = FaceModule(network, settings, phase)
        last = folder / "last.ckpt"
        feed = Feed(store, settings)
        with warnings.catch_warnings():
            for known in _KNOWN_WARNINGS:
                warnings.filterwarnings("ignore", message=known)
            trainer.fit(module, datamodule=feed, ckpt_path=last if last.is_file() else None)
        if trainer.interrupted:
            raise KeyboardInterrupt
        done.touch()
    state = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    prefix = "network."
    network.load_state_dict(
        {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    )


def _build_trainer(
    settings: TrainSettings,
    phase: Phase,
    run: Path,
    name: str,
    callbacks: tuple[lightning.Callback, ...],
) -> lightning.Trainer:
    chosen: list[Any] = [
        *callbacks,
        Stopwatch(),
        LearningRateMonitor(),
        TQDMProgressBar(refresh_rate=20),
    ]
    if phase.stop_patience is not None:
        chosen.append(EarlyStopping("val_loss", patience=phase.stop_patience))
    if settings.ema_decay > 0:
        chosen.append(WeightAveraging(avg_fn=partial(average, decay=settings.ema_decay)))
    return lightning.Trainer(
        default_root_dir=run,
        accelerator=_DEVICES[settings.device],
        devices=settings.processes,
        strategy="ddp_spawn" if settings.processes > 1 else "auto",
        use_distributed_sampler=False,
        max_epochs=phase.epochs,
        precision="bf16-mixed" if choose_bf16(settings) else "32-true",
        callbacks=chosen,
        logger=[CSVLogger(run, f"logs/{name}"), TensorBoardLogger(run, f"tensorboard/{name}")],
        gradient_clip_val=settings.gradient_clip or None,
        log_every_n_steps=50,
        num_sanity_val_steps=0,
        plugins=[_WholeCheckpoints()],
        enable_model_summary=False,
    )


class _WholeCheckpoints(TorchCheckpointIO):
    """Writes each checkpoint beside its place and moves it; Lightning's own way is by `/tmp`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint whole or not at all."""
        if storage_options is not None:
            message = "checkpoints lie on this machine's disk and take no storage options"
            raise TypeError(message)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_whole(Path(path), content.getvalue())


def average(mean: Tensor, current: Tensor, steps: Tensor | int, *, decay: float) -> Tensor:
    """Exponential moving average that begins short: its decay is min(decay, (1 + n) / (10 + n)).

    Without this warm-up (as `tf.train.ExponentialMovingAverage` does it, and timm's `ModelEmaV3`)
    a run of few steps would keep much of its random first weights.
    """
    kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
    return mean * kept + current * (1 - kept)


def choose_bf16(settings: TrainSettings) -> bool:
    """Whether to compute in bf16: where asked for, or where the machine is fast at it."""
    if settings.precision != "auto":
        return settings.precision == "bf16"
    if settings.device in {"auto", "cuda"} and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    if settings.device == "mps":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 (torch has no public name)
