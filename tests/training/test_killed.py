"""Training commands that are killed lose nothing, double nothing and leave nothing half-written.

A few kills of each run here; `UNMASK_KILLS=50 uv run pytest tests/training/test_killed.py` does the
rest.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("UNMASK_KILLS", "3"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.parametrize("command", ["train", "crossval", "tune", "export"])
def test_killed_at_any_moment_it_ends_as_if_nobody_had(faces, tmp_path, command):
    run = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("killed.py"),
            command,
            faces,
            tmp_path / command,
            str(KILLS),
            "1",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    found = json.loads(run.stdout)
    assert found["killed"] == KILLS
    assert not found["left"]
