"""The course of a training, as the logs beside a model have it."""

import os

from unmask.evaluation.history import read_history


def log(run, version, text, phase=1):
    folder = run / "logs" / f"phase-{phase}" / f"version_{version}"
    folder.mkdir(parents=True)
    path = folder / "metrics.csv"
    path.write_text(text)
    os.utime(path, (1_000_000 + version, 1_000_000 + version))
    return path


def test_values_per_epoch_and_a_resumed_run(tmp_path):
    (tmp_path / "model").mkdir()
    log(tmp_path, 0, "epoch,step,train_loss,val_loss\n0,9,0.7,\n0,9,,0.6\n1,19,0.5,\n")
    log(tmp_path, 1, "epoch,step,train_loss,val_auc\n1,19,0.4,0.9\n2,29,nan,x\n,30,0.1,0.1\n")
    assert read_history(tmp_path / "model") == {
        "train_loss": [(0, 0.7), (1, 0.4)],  # the later log holds
        "val_auc": [(1, 0.9)],
        "val_loss": [(0, 0.6)],
    }


def test_epochs_are_counted_on_over_phases(tmp_path):
    (tmp_path / "model").mkdir()
    log(tmp_path, 0, "epoch,val_loss\n0,0.7\n1,0.6\n")
    log(tmp_path, 0, "epoch,val_loss\n0,0.5\n", phase=2)
    assert read_history(tmp_path / "model") == {"val_loss": [(0, 0.7), (1, 0.6), (2, 0.5)]}


def test_a_model_outside_a_run_has_no_history(tmp_path):
    log(tmp_path, 0, "epoch,loss\n0,1\n")
    assert read_history(tmp_path / "other") == {}
    assert read_history(tmp_path / "empty" / "model") == {}
