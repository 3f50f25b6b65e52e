from unmask.scan.seen import Novelty, Seen
from unmask.scan.shards import digest_name


def test_what_was_done_before_is_told_from_what_is_named_twice():
    seen = Seen()
    assert seen.add_done(map(digest_name, ["a", "b", "a"])) == 2
    found = [seen.take(digest_name(name)) for name in ("a", "c", "a", "c", "b")]
    assert found == [
        Novelty.DONE,
        Novelty.NEW,
        Novelty.REPEATED,
        Novelty.REPEATED,
        Novelty.DONE,
    ]
    seen.close()
