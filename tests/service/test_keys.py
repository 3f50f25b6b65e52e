"""API keys."""

import pytest

from unmask.errors import UsageError
from unmask.service.keys import ANYBODY, KeyRing
from unmask.service.problems import ProblemError

FIRST, SECOND = "first-0123456789abcdef", "second-0123456789abcdef"


@pytest.fixture
def ring(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"# ours\n{FIRST}\n\n  {SECOND}  \n")
    return KeyRing(path)


def test_without_keys_everybody_is_let_in():
    ring = KeyRing(None)
    assert not ring.required
    assert ring.identify(None) == ring.identify("whatever") == ANYBODY


def test_each_key_is_somebody(ring):
    assert ring.required
    assert ring.identify(FIRST) == ring.identify(FIRST) != ring.identify(SECOND)
    assert FIRST not in ring.identify(FIRST)


@pytest.mark.parametrize("presented", [None, "", "wrong", FIRST[:-1], "# ours", FIRST + " "])
def test_others_are_not(ring, presented):
    with pytest.raises(ProblemError) as caught:
        ring.identify(presented)
    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "got 0 keys"),  # nothing
        (b"# only words\n", "got 0 keys"),  # a comment is no key
        (b"short\n", "the shortest of 5"),  # can be guessed
        (b"\xff\xfe\x00", "cannot be read"),  # no text
        (None, "cannot be read"),  # no file
    ],
)
def test_files_without_good_keys_are_wrong_usage(tmp_path, content, complaint):
    path = tmp_path / "keys.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=complaint):
        KeyRing(path)
