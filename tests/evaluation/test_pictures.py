"""Which samples a report shows."""

from unmask.data.manifest import Sample
from unmask.evaluation.evaluate import Prediction
from unmask.evaluation.pictures import SHOWN, choose_random, choose_worst, make_tile
from unmask.records import Kind, Verdict


def test_random_samples_are_the_seeds(make_predictions):
    many = make_predictions([(n % 2, n / 100) for n in range(100)])
    first = choose_random(many, 1)
    assert len({p.sample.path for p in first}) == SHOWN
    assert first == choose_random(many, 1) != choose_random(many, 2)
    assert len(choose_random(many[:3], 1)) == 3


def test_the_worst_mistakes_come_first(make_predictions):
    pairs = [(0, 0.1), (0, 0.6), (0, 0.99), (1, 0.4), (1, 0.02), (1, 0.9), (1, None)]
    worst = choose_worst(make_predictions(pairs), 0.5)
    assert [p.score for p in worst] == [0.99, 0.02, 0.6, 0.4]
    many = make_predictions([(0, 0.9)] * 40)
    assert choose_worst(many, 0.5) == many[:SHOWN]


def test_tiles_have_the_picture_or_none(faces, tmp_path):
    from unmask.media.samples import make_samples

    clip = make_samples(tmp_path)[2]
    good = Prediction(faces.samples[0], Verdict.REAL, 0.1, Kind.IMAGE)
    moving = Prediction(Sample(str(clip), 1), Verdict.REAL, 0.1, Kind.VIDEO)
    broken = Prediction(faces.samples[-1], None, None)
    tiles = [make_tile(p, 0.5) for p in (good, moving, broken)]
    assert [tile.pixels is None for tile in tiles] == [False, False, True]
    assert tiles[0].pixels.shape == tiles[1].pixels.shape
    assert [tile.right for tile in tiles] == [True, False, None]
    assert [tile.verdict for tile in tiles] == ["real", "real", "error"]
