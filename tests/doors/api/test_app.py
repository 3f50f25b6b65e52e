"""The routes, asked over a real socket, with real files."""

import http.client
import json
import re
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unmask.doors.cli import app as command
from unmask.media.video import ClipWriter
from unmask.service import wire
from unmask.service.keys import KeyRing

KEY, OTHER = "key-0123456789abcdef", "other-0123456789abcdef"
BOUNDARY = "----frontier"


@pytest.fixture(scope="module")
def media(tmp_path_factory, samples):
    """A portrait, a landscape and a clip; too large a picture, too long a clip; broken files."""
    folder = tmp_path_factory.mktemp("media")
    shutil.copytree(samples, folder, dirs_exist_ok=True)
    Image.new("L", (1001, 1000)).save(folder / "large.png")
    with ClipWriter(folder / "long.mp4", fps=2) as clip:
        for _ in range(24):
            clip.append(np.zeros((32, 32, 3), np.uint8))
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "cut.jpg").write_bytes((folder / "portrait.jpg").read_bytes()[:3000])
    (folder / "empty.png").touch()
    return folder


def form(*parts, field="file"):
    """A multipart body and its content type."""
    body = b""
    for path in parts:
        head = f'Content-Disposition: form-data; name="{field}"; filename="{path.name}"\r\n\r\n'
        body += f"--{BOUNDARY}\r\n{head}".encode() + path.read_bytes() + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def ask(served, method, path, body=None, content_type=None, **headers):
    """Status, headers and body, decoded where it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    if content_type:
        headers["Content-Type"] = content_type
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    kind = response.headers.get("Content-Type", "")
    return response.status, response.headers, json.loads(data) if "json" in kind else data


def detect(served, path, **headers):
    return ask(served, "POST", "/v1/detect", *form(path), **headers)


def wait_done(served, job_id, **headers):
    for _ in range(600):
        status, _, job = ask(served, "GET", f"/v1/jobs/{job_id}", **headers)
        assert status == 200
        if job["status"] == "done":
            return job
        time.sleep(0.05)
    pytest.fail("the job did not end")


@pytest.mark.parametrize("name", ["portrait.jpg", "landscape.png", "clip.mp4"])
def test_the_report_is_the_command_lines(serve, media, monkeypatch, name):
    monkeypatch.chdir(media)
    result = CliRunner().invoke(command, ["detect", name, "--format", "jsonl", "--frames", "4"])
    expected = json.loads(result.stdout)
    status, headers, report = detect(serve(), media / name)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert list(report) == list(expected)
    assert report == {**expected, "seconds": report["seconds"]}


def test_many_clients_at_once_get_their_own_answers(serve, media):
    served = serve()
    names = ["portrait.jpg", "landscape.png", "text.jpg", "cut.jpg"] * 5
    with ThreadPoolExecutor(len(names)) as clients:
        answers = list(clients.map(lambda name: detect(served, media / name), names))
    expected = {"portrait.jpg": 200, "landscape.png": 200, "text.jpg": 415, "cut.jpg": 422}
    assert [status for status, _, _ in answers] == [expected[name] for name in names]
    reports = [body for status, _, body in answers if status == 200]
    assert len({report["score"] for report in reports}) == 2  # of the portrait, and none
    text = ask(served, "GET", "/metrics")[2].decode()
    assert "unmask_batch_files_sum 20.0" in text.splitlines()


@pytest.mark.parametrize(
    "content_type",
    ["image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", None],
)
def test_raw_bytes_are_a_file_whatever_they_are_called(
    serve, media, content_type, portrait_verdict
):
    data = (media / "portrait.jpg").read_bytes()
    status, _, report = ask(serve(), "POST", "/v1/detect", data, content_type)
    assert (status, report["verdict"], report["source"]) == (200, portrait_verdict, "upload")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("text.jpg", 415, "unsupported"),  # no picture
        ("cut.jpg", 422, "corrupt"),  # ends early
        ("empty.png", 422, "empty"),  # nothing
        ("large.png", 413, "too_large"),  # more than a megapixel
        ("long.mp4", 413, "too_large"),  # twelve seconds
    ],
)
def test_what_cannot_be_answered_is_a_problem(serve, media, name, status, code):
    served = serve()
    got, headers, problem = detect(served, media / name)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert repr(name) in problem["detail"]
    wire.Problem.model_validate(problem)
    assert str(served.folder) not in json.dumps(problem)


def other_field(media):
    return form(media / "portrait.jpg", field="picture")


def two_files(media):
    return form(media / "portrait.jpg", media / "portrait.jpg")


def cut_form(media):
    body, content_type = form(media / "portrait.jpg")
    return body[:-20], content_type


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (other_field, 422, "no_file"),  # the field has another name
        (two_files, 413, "too_many_files"),  # one is asked for
        (cut_form, 400, "malformed"),  # no end
        (lambda _: (b"x", "multipart/form-data"), 400, "malformed"),  # no boundary
        (lambda _: (b"x", f"multipart/form-data; boundary={BOUNDARY}"), 400, "malformed"),
        (lambda _: (b"", "image/png"), 422, "empty"),  # no body
    ],
)
def test_bodies_that_are_not_as_asked(serve, media, make, status, code):
    served = serve()
    got, _, problem = ask(served, "POST", "/v1/detect", *make(media))
    assert (got, problem["code"]) == (status, code)
    assert not list(served.desk.spool.folder.iterdir())
    assert served.desk.spool.used_bytes == 0


def test_a_large_file_is_refused_by_its_head_and_while_it_comes(serve):
    served = serve(max_mb=0.2)
    status, _, problem = ask(served, "POST", "/v1/detect", bytes(500_000), "image/png")
    assert (status, problem["code"]) == (413, "too_large")
    chunks = iter([bytes(100_000)] * 3)  # without a stated length
    status, _, problem = ask(served, "POST", "/v1/detect", chunks, "image/png")
    assert (status, problem["code"]) == (413, "too_large")
    assert not list(served.desk.spool.folder.iterdir())


def test_no_space_left_for_uploads(serve, media):
    served = serve(spool_mb=0.01)
    status, headers, problem = detect(served, media / "portrait.jpg")
    assert (status, problem["code"], headers["Retry-After"]) == (503, "spool_full", "5")


class Dripping:
    """A request that was begun and does not end by itself."""

    def __init__(self, served, data, path="/v1/detect"):
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=30)
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(data)}\r\n\r\n"
        self._rest = data[100:]
        self._socket.sendall(head.encode() + data[:100])
        while not served.desk._under_way:
            time.sleep(0.01)

    def finish(self):
        """Send the rest; the answer's status and decoded body."""
        self._socket.sendall(self._rest)
        return self.read()

    def read(self):
        response = http.client.HTTPResponse(self._socket)
        response.begin()
        return response.status, json.loads(response.read())

    def close(self):
        self._socket.close()


@pytest.fixture
def portrait(media):
    return (media / "portrait.jpg").read_bytes()


def test_too_many_requests_are_told_when_to_come_back(serve, media, portrait):
    served = serve(queue=1)
    first = Dripping(served, portrait)
    status, headers, problem = detect(served, media / "portrait.jpg")
    assert (status, problem["code"]) == (429, "busy")
    assert int(headers["Retry-After"]) >= 1
    assert first.finish()[0] == 200
    first.close()
    assert detect(served, media / "portrait.jpg")[0] == 200


def test_a_request_that_arrives_too_slowly(serve, portrait):
    served = serve(timeout_s=0.2)
    slow = Dripping(served, portrait)
    status, problem = slow.read()
    slow.close()
    assert (status, problem["code"]) == (408, "slow")
    assert not list(served.desk.spool.folder.iterdir())


def test_a_file_that_takes_too_long(serve, media):
    served = serve(timeout_s=0.02)
    status, _, problem = detect(served, media / "clip.mp4")
    assert (status, problem["code"]) == (504, "timeout")
    assert not list(served.desk.spool.folder.iterdir())


def test_a_client_that_goes_away_leaves_nothing(serve, portrait):
    served = serve()
    Dripping(served, portrait).close()
    deadline = time.monotonic() + 10
    while served.desk._under_way and time.monotonic() < deadline:
        time.sleep(0.01)
    assert served.desk._under_way == 0
    assert not list(served.desk.spool.folder.iterdir())


def test_a_graceful_stop_finishes_what_is_under_way(serve, portrait, portrait_verdict):
    served = serve()
    request = Dripping(served, portrait)
    served.desk.refuse_new()
    status, headers, problem = ask(served, "GET", "/ready")
    assert (status, problem["code"]) == (503, "stopping")
    assert "Retry-After" in headers
    status, _, problem = ask(served, "POST", "/v1/detect", portrait, "image/jpeg")
    assert (status, problem["code"]) == (503, "stopping")
    assert ask(served, "GET", "/health")[0] == 200
    assert request.finish()[1]["verdict"] == portrait_verdict
    request.close()
    served.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(served, "GET", "/health")


def test_a_mistake_of_ours_tells_nothing(serve, media, small_detector, monkeypatch):
    def fail(*_):
        message = f"cannot open {media}/portrait.jpg"
        raise RuntimeError(message)

    served = serve()
    monkeypatch.setattr(small_detector, "find_faces", fail)
    status, headers, problem = detect(served, media / "portrait.jpg")
    assert (status, problem["code"]) == (500, "internal")
    assert str(media) not in json.dumps(problem)
    assert "Traceback" not in json.dumps(problem)
    monkeypatch.undo()
    monkeypatch.setattr(served.desk, "answer", fail)  # outside what any file can cause
    status, headers, problem = detect(served, media / "portrait.jpg")
    assert (status, problem["code"]) == (500, "internal")
    assert headers["X-Request-ID"]
    assert str(media) not in json.dumps(problem)


def test_a_batch_is_a_job_with_results(serve, media, sample_verdicts):
    served = serve()
    names = ["portrait.jpg", "text.jpg", "clip.mp4", "landscape.png"]
    body = form(*[media / name for name in names], field="files")
    status, headers, job = ask(served, "POST", "/v1/batch", *body)
    assert status == 202
    assert headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["files"], job["expires_at"]) == (4, None)
    done = wait_done(served, job["id"])
    assert done["answered"] == 4
    assert done["expires_at"] is not None
    assert not list(served.desk.spool.folder.iterdir())
    status, _, results = ask(served, "GET", f"/v1/jobs/{job['id']}/results")
    assert results["job"] == done
    reports = results["reports"]
    assert [report["source"] for report in reports] == names
    verdicts = [sample_verdicts.get(name, "error") for name in names]
    assert [report["verdict"] for report in reports] == verdicts
    assert reports[1]["error"]["code"] == "unsupported"
    assert ask(served, "DELETE", f"/v1/jobs/{job['id']}")[0] == 204
    status, _, problem = ask(served, "GET", f"/v1/jobs/{job['id']}/results")
    assert (status, problem["code"]) == (404, "no_such_job")


def test_a_job_can_be_cancelled(serve, media):
    served = serve()
    body = form(*[media / "clip.mp4"] * 20, field="files")
    _, _, job = ask(served, "POST", "/v1/batch", *body)
    status, _, problem = ask(served, "GET", f"/v1/jobs/{job['id']}/results")
    assert (status, problem["code"]) == (409, "not_done")
    assert ask(served, "DELETE", f"/v1/jobs/{job['id']}")[0] == 204
    assert ask(served, "GET", f"/v1/jobs/{job['id']}")[0] == 404
    assert not list(served.desk.spool.folder.iterdir())
    started = time.monotonic()
    assert detect(served, media / "portrait.jpg")[0] == 200
    assert time.monotonic() - started < 5


def test_a_small_job_does_not_wait_for_a_large_one(serve, media):
    served = serve()
    large = ask(served, "POST", "/v1/batch", *form(*[media / "clip.mp4"] * 30, field="files"))[2]
    small = ask(served, "POST", "/v1/batch", *form(media / "landscape.png", field="files"))[2]
    wait_done(served, small["id"])
    assert ask(served, "GET", f"/v1/jobs/{large['id']}")[2]["status"] == "running"


def test_results_live_for_a_set_time(serve, media):
    served = serve(keep_results_s=0.2)
    job = ask(served, "POST", "/v1/batch", *form(media / "landscape.png", field="files"))[2]
    deadline = time.monotonic() + 10
    while ask(served, "GET", f"/v1/jobs/{job['id']}")[0] == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(served.desk.jobs) == 0


@pytest.mark.parametrize(
    ("settings", "count", "status", "code"),
    [
        ({"job_files": 2}, 3, 413, "too_many_files"),  # in one job
        ({"jobs": 1}, 1, 429, "too_many_jobs"),  # one is there already
        ({"spool_mb": 0.001}, 1, 503, "spool_full"),  # no space
    ],
)
def test_limits_of_jobs(serve, media, settings, count, status, code):
    served = serve(**settings)
    body = form(*[media / "landscape.png"] * count, field="files")
    if "jobs" in settings:
        assert ask(served, "POST", "/v1/batch", *body)[0] == 202
    got, _, problem = ask(served, "POST", "/v1/batch", *body)
    assert (got, problem["code"]) == (status, code)


def test_a_batch_must_be_a_form(serve):
    status, _, problem = ask(serve(), "POST", "/v1/batch", b"x", "image/png")
    assert (status, problem["code"]) == (415, "not_multipart")


@pytest.fixture
def guarded(serve, tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"{KEY}\n{OTHER}\n")
    return serve(keys=KeyRing(path))


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/detect"), ("POST", "/v1/batch"), ("GET", "/v1/models"), ("GET", "/metrics")],
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"Authorization": "Basic x"}],
)
def test_without_a_key_nothing_is_said(guarded, method, path, headers):
    status, answered, problem = ask(guarded, method, path, **headers)
    assert (status, problem["code"]) == (401, "unauthorized")
    assert answered["WWW-Authenticate"] == "Bearer"


def test_a_job_belongs_to_its_key(guarded, media):
    mine, other = ({"Authorization": f"Bearer {key}"} for key in (KEY, OTHER))
    body = form(media / "landscape.png", field="files")
    job = ask(guarded, "POST", "/v1/batch", *body, **mine)[2]
    path = f"/v1/jobs/{job['id']}"
    wait_done(guarded, job["id"], **mine)
    assert [ask(guarded, method, path, **other)[0] for method in ("GET", "DELETE")] == [404, 404]
    assert ask(guarded, "GET", path)[0] == 401
    assert ask(guarded, "GET", "/ready")[0] == 200  # whoever watches the service needs no key
    assert ask(guarded, "DELETE", path, **mine)[0] == 204


def test_models(serve, small_detector):
    status, _, body = ask(serve(), "GET", "/v1/models")
    models = wire.Models.model_validate(body)
    assert status == 200
    assert models.answering.sha256 == small_detector.model_id.sha256
    assert small_detector.card in models.models
    assert "/" not in models.answering.name
    assert "path" not in body["models"][0]


def test_metrics(serve, media, portrait_verdict):
    served = serve()
    detect(served, media / "portrait.jpg")
    ask(served, "GET", "/nowhere?secret")
    status, headers, text = ask(served, "GET", "/metrics")
    lines = text.decode().splitlines()
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert f'unmask_files_total{{kind="image",verdict="{portrait_verdict}"}} 1.0' in lines
    assert 'unmask_requests_total{method="POST",route="/v1/detect",status="200"} 1.0' in lines
    assert 'unmask_requests_total{method="(none)",route="(none)",status="404"} 1.0' in lines
    assert "unmask_batch_files_count 1.0" in lines
    assert "unmask_spool_bytes 0.0" in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)
    assert "secret" not in text.decode()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),  # no such place
        ("GET", "/v1/detect/", 404, None),  # no redirect that would name the host
        ("GET", "/v1/detect", 405, "POST"),  # another method
        ("PUT", "/v1/jobs/x", 405, "DELETE, GET"),  # of several routes
    ],
)
def test_other_addresses_are_problems(serve, method, path, status, allow):
    got, headers, problem = ask(serve(), method, path)
    assert (got, problem["status"], problem["code"]) == (status, status, "http")
    assert headers.get("Allow") == allow


def test_the_documentation_loads_nothing_from_elsewhere(serve):
    served = serve()
    status, headers, page = ask(served, "GET", "/docs")
    assert status == 200
    text = page.decode()
    assert "'self'" in headers["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    for path in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert ask(served, "GET", path)[0] == 200
    status, headers, _ = ask(served, "GET", "/")
    assert (status, headers["Location"]) == (307, "docs")


def test_the_description_names_every_route_with_examples(serve):
    _, _, description = ask(serve(), "GET", "/openapi.json")
    assert set(description["paths"]) == {
        "/health",
        "/metrics",
        "/ready",
        "/v1/batch",
        "/v1/detect",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/results",
        "/v1/models",
    }
    assert description["components"]["schemas"]["Report"]["examples"]
    assert "servers" not in description
    assert "securitySchemes" not in description["components"]


def test_keys_are_described(guarded):
    _, _, description = ask(guarded, "GET", "/openapi.json")
    assert description["paths"]["/v1/detect"]["post"]["security"] == [{"HTTPBearer": []}]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://example.org", True), ("https://evil.example", False)]
)
def test_web_pages_of_allowed_origins_may_ask(serve, origin, allowed):
    served = serve(allow_origins=["https://example.org"])
    _, headers, _ = ask(served, "GET", "/health", Origin=origin)
    assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
