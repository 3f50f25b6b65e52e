"""What several test modules need."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# An example may wait for its turn on a busy machine: time is not what properties are about.
settings.register_profile("unmask", deadline=None)
settings.load_profile("unmask")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker keeps to one core: threads of several would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the development pictures and clips, beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the development data (../shared/data) are not beside this checkout")
    return SHARED_DATA


@dataclass(frozen=True)
class Served:
    """A service that runs, seen from outside and from inside."""

    url: str
    port: int
    desk: Any
    folder: Path
    """Where its uploads lie."""
    stop: Any


@pytest.fixture(scope="session")
def small_detector():
    """The bundled detector with few frames, and with limits that a test's own media exceed."""
    from unmask.detection.detector import Detector
    from unmask.media.limits import MediaLimits

    return Detector(frames=4, limits=MediaLimits(pixels=1_000_000, duration_s=10.0))


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    """The folder with the sample media: made once, since the bytes of a clip may differ."""
    from unmask.media.samples import make_samples

    folder = tmp_path_factory.mktemp("samples")
    make_samples(folder)
    return folder


@pytest.fixture(scope="session")
def sample_verdicts(small_detector, samples):
    """What the bundled detector says of each sample, through no door."""
    return {path.name: str(small_detector.detect(path).verdict) for path in samples.iterdir()}


@pytest.fixture(scope="session")
def portrait_verdict(sample_verdicts):
    """Of the sample portrait."""
    return sample_verdicts["portrait.jpg"]


@pytest.fixture
def serve(tmp_path_factory, small_detector):
    """Start services on free ports, in threads."""
    from unmask.doors.api.app import build_app
    from unmask.doors.server import Server
    from unmask.doors.sockets import describe_address, listen
    from unmask.service.desk import Desk
    from unmask.service.settings import ServiceSettings

    ends = []

    def start(*, keys=None, allow_origins=(), detector=small_detector, **settings):
        folder = tmp_path_factory.mktemp("spool")
        desk = Desk(detector, ServiceSettings(spool=folder, workers=2, **settings), keys)
        listening = listen("127.0.0.1", 0)
        url, port = describe_address(listening), listening.getsockname()[1]
        server = Server(build_app(desk, allow_origins=allow_origins), desk)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()

        def stop():
            server.handle_exit(15, None)
            thread.join(20)
            assert not thread.is_alive()
            assert not list(folder.iterdir())

        ends.append(stop)
        while not server.started:
            time.sleep(0.01)
        return Served(url, port, desk, folder, stop)

    yield start
    for end in ends:
        end()
