"""Names that give groups away, and names that do not."""

import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.data.series import guess_series


def manifest(names, **more):
    return Manifest(tuple(Sample(f"set/{n % 2}/{name}", n % 2, **more) for n, name in names))


@pytest.mark.parametrize(
    "name",
    ["{clip}_{frame}.jpg", "{clip}-{frame:04}.png", "id{clip}_b_frame{frame}.jpg"],
)
def test_frames_of_a_clip_are_a_series(name):
    files = [name.format(clip=n % 20, frame=n // 20) for n in range(100)]
    found = guess_series(manifest(enumerate(files)))
    groups = [sample.group for sample in found]
    assert len(set(groups)) == 20
    assert groups[0] == groups[20] != groups[1]


def test_an_original_and_its_altered_version_share_a_series():
    files = [f"{n // 2 % 20}_{n // 40}.jpg" for n in range(200)]  # the label changes with each
    found = guess_series(manifest(enumerate(files)))
    assert found.samples[0].group == found.samples[1].group
    assert {found.samples[0].label, found.samples[1].label} == {0, 1}


@pytest.mark.parametrize(
    "files",
    [
        [f"real_{n}.jpg" for n in range(100)],  # the name of the class
        [f"{n:05}.jpg" for n in range(100)],  # plain numbers
        [f"{n:05}A{n % 60:02}.jpg" for n in range(100)],  # a number and an age
        [f"person{n}_0.jpg" for n in range(100)],  # one of each
        [f"{n % 20}_{n}.jpg" if n % 2 else f"{n}.jpg" for n in range(100)],  # half of them
        [f"{n % 5}_{n}.jpg" for n in range(100)],  # five cameras, say
    ],
)
def test_other_names_say_nothing(files):
    assert guess_series(manifest(enumerate(files))) is None


def test_groups_that_were_named_stay():
    files = [f"{n % 20}_{n}.jpg" for n in range(100)]
    assert guess_series(manifest(enumerate(files), group="one")) is None
