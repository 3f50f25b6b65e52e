"""What stands in messages is safe to show."""

import pytest

from unmask.errors import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("photo.jpg", "photo.jpg"),  # nothing to do
        ("Grüße 写真.png", "Grüße 写真.png"),  # letters of any script stay
        ("a\x1b[31mb", "a\\x1b[31mb"),  # an escape sequence
        ("two\nlines", "two\\nlines"),  # would break a row
        ("b\udcff", "b\\udcff"),  # a byte that is no text
        ("r\u202etxt.exe", "r\\u202etxt.exe"),  # turns the reading direction around
    ],
)
def test_printable(text, expected):
    assert printable(text) == expected
