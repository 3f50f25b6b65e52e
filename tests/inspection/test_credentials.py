"""Content credentials: trusted, unverified, tampered, stripped, forged; and nothing is fetched."""

import http.server
import threading

import pytest
from skimage import data

from unmask.errors import UsageError
from unmask.inspection.credentials import CredentialState, read_credentials, read_trust
from unmask.media.images import encode_jpeg

from .signing import make_chain, sign

pytest.importorskip("c2pa", reason="the extra c2pa is not installed")


@pytest.fixture(scope="module")
def chain():
    return make_chain()


@pytest.fixture(scope="module")
def signed(chain):
    return sign(encode_jpeg(data.astronaut(), 90), chain)


def read(tmp_path, content, media_format="jpeg", trust=""):
    path = tmp_path / "file"
    path.write_bytes(content)
    return read_credentials(path, media_format, trust)


def test_a_known_signer_is_trusted_and_an_unknown_one_is_not(tmp_path, signed, chain):
    known = read(tmp_path, signed, trust=chain[2].decode())
    unknown = read(tmp_path, signed)
    other = read(tmp_path, signed, trust=make_chain()[2].decode())
    assert known.state is CredentialState.TRUSTED
    assert unknown.state is other.state is CredentialState.UNVERIFIED
    for found in (known, unknown):
        assert (found.signer, found.issuer) == ("Camera 7", "Test Studio")
        assert found.generator.startswith("Test Maker 1.0")
        assert found.source_types == ("trainedAlgorithmicMedia",)
        assert any("made by a generative model" in claim for claim in found.claims)
        assert not found.problems


def test_credentials_that_were_cut_are_broken_not_absent(tmp_path, signed):
    start = signed.index(b"\xff\xeb")  # the segment that holds them
    length = int.from_bytes(signed[start + 2 : start + 4], "big")
    kept = length // 2
    cut = signed[start : start + 2] + kept.to_bytes(2, "big") + signed[start + 4 : start + 2 + kept]
    found = read(tmp_path, signed[:start] + cut + signed[start + 2 + length :])
    assert found.state is CredentialState.BROKEN
    assert found.problems


@pytest.mark.parametrize(
    ("place", "states"),
    [
        (-2000, {CredentialState.INVALID}),  # a changed picture
        (900, {CredentialState.INVALID, CredentialState.BROKEN}),  # a changed manifest
        (5000, {CredentialState.INVALID, CredentialState.BROKEN}),
    ],
)
def test_tampering_is_seen(tmp_path, signed, chain, place, states):
    content = bytearray(signed)
    content[place] ^= 0x55
    found = read(tmp_path, bytes(content), trust=chain[2].decode())
    assert found.state in states
    assert found.problems


def test_credentials_moved_to_another_picture_do_not_hold(tmp_path, signed, chain):
    start = signed.index(b"\xff\xeb")  # the application segments that hold the manifest
    end = start
    while signed[end : end + 2] == b"\xff\xeb":
        end += 2 + int.from_bytes(signed[end + 2 : end + 4], "big")
    other = encode_jpeg(data.coffee(), 90)
    forged = other[:2] + signed[start:end] + other[2:]
    found = read(tmp_path, forged, trust=chain[2].decode())
    assert found.state is CredentialState.INVALID
    assert any("mismatch" in problem for problem in found.problems)


@pytest.mark.parametrize("media_format", ["jpeg", "bmp", "mpegts"])
def test_no_credentials_say_nothing(tmp_path, media_format):
    found = read(tmp_path, encode_jpeg(data.astronaut(), 90), media_format)
    assert found.state is CredentialState.ABSENT
    assert "says nothing" in found.to_dict()["meaning"]


@pytest.mark.parametrize(
    ("content", "media_format"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),  # cut off
        (b"\xff\xd8\xff\xeb\x00\x20JP\x00\x01jumb" + b"\xff" * 64, "jpeg"),  # a false box
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffcaBX" + b"\0" * 64, "png"),  # a length gone wild
        (b"\0\0\0\x18ftypmp42" + b"\xff" * 64, "mp4"),
    ],
)
def test_broken_files_are_no_crash(tmp_path, content, media_format):
    found = read(tmp_path, content, media_format)
    assert found.state in {CredentialState.ABSENT, CredentialState.BROKEN}


@pytest.fixture
def server():
    """An address that counts who asks."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/manifest.c2pa", asked
        running.shutdown()
        thread.join()


def test_a_manifest_elsewhere_is_not_fetched(tmp_path, chain, server):
    address, asked = server
    content = sign(encode_jpeg(data.astronaut(), 90), chain, remote_url=address)
    assert address.encode() in content
    found = read(tmp_path, content)
    assert found.state is CredentialState.ELSEWHERE
    assert not asked


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read"),
        (b"no certificate", "holds no certificate"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_of_roots_must_hold_some(tmp_path, content, complaint):
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=complaint):
        read_trust(path)


def test_without_the_extra_it_says_so(tmp_path, signed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    found = read(tmp_path, signed)
    assert found.state is CredentialState.NOT_CHECKED
    assert "seems to hold some" in found.problems[0]
    assert "unmask[c2pa]" in found.problems[0]
