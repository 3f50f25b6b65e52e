import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.errors import UsageError
from unmask.scan.shards import Shard, digest_name


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 40))
def test_each_name_lies_in_exactly_one_shard(name, count):
    digest = digest_name(name)
    assert sum(Shard(number, count).holds(digest) for number in range(1, count + 1)) == 1


def test_shards_are_the_same_on_every_machine_and_about_even():
    names = [f"pictures/{number:05}.jpg" for number in range(4000)]
    shares = [
        sum(Shard(number, 8).holds(digest_name(name)) for name in names) for number in range(1, 9)
    ]
    assert sum(shares) == 4000
    assert max(shares) < 600
    assert [n for n in range(1, 9) if Shard(n, 8).holds(digest_name("portrait.jpg"))] == [8]


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("1/1", ""),  # all of it: no folder of its own
        ("2/3", "shard-2-of-3"),
        ("7/100", "shard-007-of-100"),
    ],
)
def test_a_shard_has_a_folder(text, folder):
    assert Shard.parse(text).folder_name == folder


@pytest.mark.parametrize(
    "text",
    [
        "0/4",  # counted from 1
        "5/4",
        "1/0",
        "-1/4",
        "1",
        "1/4/2",
        "a/b",
        "\u0661/\u0662",  # digits, but not ours
        "",
    ],
)
def test_other_shards_are_refused(text):
    with pytest.raises(UsageError, match="I/N"):
        Shard.parse(text)
