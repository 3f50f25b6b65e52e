"""Every augmentation keeps shape and type, is seeded, and does what its name says."""

import pytest
import torch

from unmask.errors import UsageError
from unmask.training.transforms import AUGMENTATIONS, Augment


@pytest.fixture
def picture():
    """A picture (3, 96, 96) with smooth parts and fine structure."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.linspace(40, 200, 96).expand(3, 96, 96)
    noise = torch.randint(-20, 20, (3, 96, 96), generator=generator)
    return (smooth + noise).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_each_keeps_shape_and_type_and_changes_something(name, picture):
    torch.manual_seed(1)
    changed = [Augment({name: 1.0}, crop_px=None)(picture) for _ in range(8)]
    assert all(each.shape == picture.shape and each.dtype == torch.uint8 for each in changed)
    assert any(not torch.equal(each, picture) for each in changed)


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_the_seed_decides(name, picture):
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        results.append(Augment({name: 1.0}, crop_px=64)(picture))
    assert torch.equal(*results)
    assert results[0].shape == (3, 64, 64)


def fineness(image):
    """Mean step between neighbouring pixels."""
    return (image[..., 1:].float() - image[..., :-1].float()).abs().mean().item()


@pytest.mark.parametrize(
    ("name", "smoother"),
    [
        ("blur", True),  # takes fine structure away
        ("resize", True),  # so does shrinking and enlarging
        ("jpeg", True),  # and compressing
        ("webp", True),  # and compressing otherwise
        ("h264", True),  # and coding as a clip's frame
        ("noise", False),  # adds it
    ],
)
def test_degradations_do_what_they_say(name, smoother, picture):
    torch.manual_seed(3)
    changed = [fineness(Augment({name: 1.0}, crop_px=None)(picture)) for _ in range(20)]
    mean = sum(changed) / len(changed)
    assert (mean < fineness(picture)) == smoother


def test_an_odd_picture_is_coded_but_for_its_last_lines():
    torch.manual_seed(0)
    odd = torch.randint(0, 256, (3, 65, 49), dtype=torch.uint8)
    coded = AUGMENTATIONS["h264"](odd)
    assert coded.shape == odd.shape
    assert torch.equal(coded[:, 64], odd[:, 64])
    assert torch.equal(coded[..., 48], odd[..., 48])
    assert not torch.equal(coded, odd)


def test_nothing_happens_at_probability_zero(picture):
    nothing = Augment(dict.fromkeys(AUGMENTATIONS, 0.0), crop_px=None)
    assert torch.equal(nothing(picture), picture)


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="no augmentation is called 'sharpen'"):
        Augment({"sharpen": 0.5}, crop_px=None)


def test_pairs_are_one_crop_with_and_without_delivery(picture):
    torch.manual_seed(2)
    clean, changed = Augment({"jpeg": 1.0, "flip": 1.0}, crop_px=64, paired=True)(picture)
    assert clean.shape == changed.shape == (3, 64, 64)
    assert not torch.equal(clean, changed)
    columns = picture.unfold(1, 64, 1).unfold(2, 64, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
    flipped = (
        picture.flip(-1).unfold(1, 64, 1).unfold(2, 64, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
    )
    crops = torch.cat([columns, flipped])
    assert (crops == clean).all(dim=(1, 2, 3)).any()  # untouched but for flip and place
    apart = (crops.float() - changed.float()).abs().mean(dim=(1, 2, 3))
    assert torch.equal(crops[apart.argmin()], clean)  # the same place
