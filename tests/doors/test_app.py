"""`unmask app` as a program; the page itself is tested in `app`."""

import socket

import pytest


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),  # another machine's address
        (["--model", "nothing-here"], "there is no model"),
        (["--policy", "strict"], "has no policy 'strict'"),
        (["--frames", "0"], "--frames"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, arguments, complaint):
    result = unmask("app", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_taken_port_is_wrong_usage(unmask):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = unmask("app", "--port", taken.getsockname()[1])
    assert result.exit_code == 2
    assert "choose with --host and --port" in result.stderr


def test_without_the_extra_it_says_what_to_install(unmask, monkeypatch):
    for name in ("streamlit", "streamlit.web", "streamlit.web.cli"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    monkeypatch.delitem(__import__("sys").modules, "unmask.doors.app.launch", raising=False)
    result = unmask("app", "--port", "0")
    assert result.exit_code == 2
    assert "unmask[app]" in result.stderr
