"""A scan on a cluster of three nodes on this machine, of which one is lost on the way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, signal, sys
from pathlib import Path

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
import ray
from ray.cluster_utils import Cluster

from unmask.scan.scan import ScanPlan, scan

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
ray.init(address=cluster.address, log_to_driver=False)
lost = []

def lose(progress):
    if progress.answered > 0 and not lost:
        lost.append(kill_worker())
        cluster.remove_node(nodes[0], allow_graceful=False)

def kill_worker():
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = place.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::MapBatches") and place.joinpath("environ").read_bytes():
            os.kill(int(place.name), signal.SIGKILL)
            return int(place.name)
    return None

def main():
    source, out = sys.argv[1:]
    result = scan(ScanPlan((source,), Path(out)), "ray", lose)
    alive = sum(node["Alive"] for node in ray.nodes())
    ray.shutdown()
    cluster.shutdown()
    print(json.dumps({"killed": lost, "alive": alive, "answered": result.answered}))

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds its processes in /proc")
def test_a_worker_and_a_node_are_lost_and_no_input(tmp_path, face, read_rows, small_detector):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(96):
        face.rotate(number % 5).save(pictures / f"{number:03}.jpg")
    (pictures / "broken.jpg").write_text("no picture")
    (tmp_path / "cluster.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "cluster.py", pictures, tmp_path / "out"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        said, errors = run.communicate(timeout=240)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, errors[-3000:].decode()
    found = json.loads(said.splitlines()[-1])
    assert found["killed"][0] is not None
    assert found["alive"] == 2  # the head and one of two
    assert found["answered"] == 97
    rows = read_rows(tmp_path / "out")
    assert [row["source"] for row in rows] == sorted(map(str, pictures.iterdir()))
    for row in (rows[0], rows[50], rows[-1]):
        expected = small_detector.detect(row["source"]).to_dict()
        assert row["verdict"] == expected["verdict"]
        assert row["error"] == expected["error"]
        assert len(row["faces"]) == len(expected["faces"])
