"""The client against a service that runs."""

import http.server
import json
import shutil
import threading
import time
from collections import Counter

import pytest

from unmask.client import Client, JobStatus, Progress, ServiceError
from unmask.errors import UsageError
from unmask.service.keys import KeyRing

KEY = "key-0123456789abcdef"


@pytest.fixture(scope="module")
def media(tmp_path_factory, samples):
    folder = tmp_path_factory.mktemp("media")
    shutil.copytree(samples, folder, dirs_exist_ok=True)
    (folder / "text.jpg").write_text("this is no picture")
    return folder


@pytest.fixture
def client(serve):
    return Client(serve().url, retries=0)


def test_a_report_is_the_detectors(client, media, small_detector):
    report = client.detect(media / "portrait.jpg")
    own = small_detector.detect(media / "portrait.jpg").to_dict()
    expected = {**own, "source": "portrait.jpg", "seconds": report.seconds}
    assert report.model_dump(mode="json") == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (None, "upload"),  # bytes have none
        ("holiday.jpg", "holiday.jpg"),
        ('a "quoted" name.jpg', "a %22quoted%22 name.jpg"),  # as browsers write it
        ("\N{SNOWMAN} in\r\nwinter.jpg", "\N{SNOWMAN} in%0D%0Awinter.jpg"),
    ],
)
def test_bytes_go_by_a_given_name(client, media, name, shown):
    report = client.detect((media / "landscape.png").read_bytes(), name=name)
    assert (report.source, report.verdict) == (shown, "no_face")


def test_sending_is_watched(client, media):
    seen = []
    client.detect(media / "portrait.jpg", watch=seen.append)
    assert {progress.stage for progress in seen} == {"sending"}
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].done == seen[-1].total > (media / "portrait.jpg").stat().st_size


def test_many_files_are_one_job(client, media, sample_verdicts):
    seen = []
    names = ["portrait.jpg", "text.jpg", "landscape.png", "clip.mp4"]
    reports = client.detect_all([media / name for name in names], watch=seen.append)
    assert [report.source for report in reports] == names
    verdicts = [sample_verdicts.get(name, "error") for name in names]
    assert [report.verdict for report in reports] == verdicts
    assert reports[1].error.code == "unsupported"
    assert seen[-1] == Progress("answering", 4, 4)


def test_a_job_step_by_step(client, media):
    job = client.submit([media / "clip.mp4"] * 3)
    assert client.job(job.id).files == 3
    assert client.wait(job.id).job.status is JobStatus.DONE
    client.delete(job.id)
    with pytest.raises(ServiceError) as caught:
        client.job(job.id)
    assert (caught.value.status, caught.value.code) == (404, "no_such_job")
    assert caught.value.request_id


def test_what_cannot_be_answered_is_an_error(client, media):
    with pytest.raises(ServiceError, match=r"'text\.jpg' is in none of the formats") as caught:
        client.detect(media / "text.jpg")
    assert (caught.value.status, caught.value.code) == (415, "unsupported")


def test_a_file_that_is_not_there(client, media):
    with pytest.raises(FileNotFoundError):
        client.detect(media / "nowhere.jpg")


def test_a_refusal_reaches_a_client_that_still_sends(serve):
    client = Client(serve(max_mb=0.1).url, retries=0)
    with pytest.raises(ServiceError) as caught:
        client.detect(bytes(30_000_000))
    assert (caught.value.status, caught.value.code) == (413, "too_large")


def test_keys(serve, media, tmp_path):
    path = tmp_path / "keys"
    path.write_text(KEY)
    url = serve(keys=KeyRing(path)).url
    assert Client(url, api_key=KEY).detect(media / "landscape.png").verdict == "no_face"
    with pytest.raises(ServiceError) as caught:
        Client(url).models()
    assert caught.value.status == 401


def test_models_and_readiness(serve, small_detector):
    served = serve()
    client = Client(f"{served.url}/", retries=0)
    assert client.ready()
    assert client.models().answering.name == small_detector.card.name
    served.stop()
    assert not client.ready()
    with pytest.raises(ServiceError, match="is unmask serve running there") as caught:
        client.models()
    assert (caught.value.code, caught.value.status) == ("unreachable", None)


@pytest.fixture
def odd_server():
    """Answers with what is put on its list, then with an empty job."""
    answers, asked = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(time.monotonic())
            status, headers, body = answers.pop(0)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


JOB = json.dumps(
    {
        "id": "x",
        "status": "done",
        "files": 1,
        "answered": 1,
        "created_at": "2026-01-31T12:00:00Z",
        "expires_at": None,
    }
).encode()


@pytest.mark.parametrize(
    "busy",
    [
        (429, {"Retry-After": "0"}, b""),  # too much to do
        (503, {}, b"<html>from a proxy</html>"),  # starting again
        (None, {}, b""),  # the connection broke
    ],
)
def test_it_asks_again(odd_server, busy):
    url, answers, asked = odd_server
    answers += [busy, (200, {}, JOB)]
    assert Client(url, retries=1).job("x").files == 1
    assert len(asked) == 2


def test_it_waits_as_long_as_it_is_told(odd_server):
    url, answers, asked = odd_server
    answers += [(429, {"Retry-After": "1"}, b""), (200, {}, JOB)]
    Client(url, retries=1).job("x")
    assert asked[1] - asked[0] >= 1


@pytest.mark.parametrize(
    ("answers", "retries", "code", "status"),
    [
        ([(429, {"Retry-After": "0"}, b"")] * 3, 2, "http", 429),  # busy to the end
        ([(500, {}, b"{}")], 5, "http", 500),  # a mistake is not repeated
        ([(404, {}, b'{"detail": "gone", "code": "no_such_job"}')], 5, "no_such_job", 404),
        ([(None, {}, b"")] * 2, 1, "unreachable", None),  # broken to the end
    ],
)
def test_when_it_gives_up(odd_server, answers, retries, code, status):
    url, given, asked = odd_server
    given += answers
    with pytest.raises(ServiceError) as caught:
        Client(url, retries=retries).job("x")
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(asked) == len(answers)


def test_several_threads_share_one_client(serve, media, portrait_verdict):
    client = Client(serve(queue=2).url, retries=8)  # too small for all: some are told to come back
    verdicts = Counter()

    def ask():
        verdicts[client.detect(media / "portrait.jpg").verdict] += 1

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == {portrait_verdict: 6}


def test_a_host_that_does_not_exist():
    with pytest.raises(ServiceError, match=r"no answer from nowhere\.invalid: ") as caught:
        Client("http://nowhere.invalid", retries=0).models()
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", ""])
def test_other_addresses_are_wrong_usage(url):
    with pytest.raises(UsageError, match="url must be like"):
        Client(url)
