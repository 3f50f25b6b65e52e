"""`unmask serve` as a program."""

import json
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from unmask.client import Client
from unmask.media.video import ClipWriter
from unmask.models.library import open_model


@pytest.fixture
def service(program, tmp_path):
    """Start it on a free port; the process and its URL."""

    def start(*arguments, **options):
        process = program("serve", "--port", 0, "--spool", tmp_path, *arguments, **options)
        said = process.stderr.readline().decode()
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert url, said
        client = Client(url[0])
        for _ in range(200):
            if client.ready():
                break
            time.sleep(0.05)
        return process, url[0]

    return start


def logs(process):
    lines = process.communicate(timeout=30)[0].decode().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_told_to_stop(service, photo, tmp_path, sign):
    before = set(tmp_path.iterdir())
    process, url = service("--max-mb", "1")
    client = Client(url)
    report = client.detect(photo)
    assert report.source == "photo.jpg"
    assert report.model.name == open_model().card.name
    process.send_signal(sign)
    events = logs(process)
    assert process.returncode == 0
    assert [events[0]["event"], events[-1]["event"]] == ["started", "stopped"]
    asked = [event for event in events if event["event"] == "request"]
    assert {"POST /v1/detect 200"} <= {
        f"{event['method']} {event['route']} {event['status']}" for event in asked
    }
    assert "photo" not in json.dumps(events)
    assert str(tmp_path) not in json.dumps(events)
    assert set(tmp_path.iterdir()) == before


def test_requests_under_way_are_answered_before_the_end(service, tmp_path, photo):
    from unmask.media.images import read_image

    face = read_image(photo)[:256, 96:352]
    with ClipWriter(tmp_path / "clip.mp4", fps=8) as writer:
        for _ in range(16):
            writer.append(face)
    process, url = service("--fps", "8", "--grace-s", "60")
    reports = []
    sent = threading.Event()

    def ask():
        client = Client(url, retries=0)
        reports.append(client.detect(tmp_path / "clip.mp4", watch=lambda _: sent.set()))

    asking = threading.Thread(target=ask)
    asking.start()
    assert sent.wait(10)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    asking.join(60)
    events = logs(process)
    assert process.returncode == 0
    assert len(reports[0].faces) == 16
    assert [event["status"] for event in events if "status" in event][-1] == 200


def test_settings_come_from_the_environment_too(service, monkeypatch, photo):
    monkeypatch.setenv("UNMASK_SERVE_MAX_MB", "0.01")
    monkeypatch.setenv("UNMASK_SERVE_POLICY", "fpr_1")
    process, url = service()
    client = Client(url)
    assert client.models().policy == "fpr_1"
    with pytest.raises(Exception, match="10000 bytes"):
        client.detect(photo)
    process.terminate()
    logs(process)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),  # another machine's address
        (["--host", "no such host"], "cannot listen on no such host"),
        (["--model", "nothing-here"], "there is no model"),
        (["--policy", "strict"], "has no policy 'strict'"),
        (["--api-keys", "nowhere.txt"], "cannot be read"),
        (["--spool", "nowhere"], "uploads cannot be kept in nowhere"),
        (["--max-mb", "0"], "must be a number above 0"),
        (["--port", "70000"], "65535"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, arguments, complaint):
    result = unmask("serve", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_taken_port_is_wrong_usage(service, unmask):
    process, url = service()
    result = unmask("serve", "--port", url.rsplit(":", 1)[1])
    assert result.exit_code == 2
    assert "Address already in use" in result.stderr
    process.terminate()
    logs(process)


@pytest.mark.slow
def test_nothing_in_the_description_makes_the_service_fail(service, tmp_path):
    """Schemathesis asks what the description allows, and what it does not."""
    log = tmp_path / "log.jsonl"
    with log.open("w") as stream:
        process, url = service("--timeout-s", "10", "--jobs", "20", stdout=stream)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,"
    checks += "response_headers_conformance,response_schema_conformance,unsupported_method"
    arguments = ["run", f"{url}/openapi.json", "--checks", checks, "--max-examples", "40"]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *arguments, "--seed", "1", "--no-color"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    process.terminate()
    process.wait(30)
    assert run.returncode == 0, run.stdout[-5000:]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(events) > 300
    assert not [event for event in events if event.get("status") == 500]
