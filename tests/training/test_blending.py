"""A self-blended face is another picture inside a soft mask and nearly the same around it."""

import pytest
import torch

from unmask.training.blending import blend_into_itself, draw_mask


@pytest.fixture
def face():
    """A picture (3, 128, 128) with structure everywhere."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 16, 16, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=(128, 128), mode="bicubic")[0]
    return (fine.clamp(0, 1) * 255).to(torch.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_the_mask_covers_the_face_and_not_the_rim(seed):
    torch.manual_seed(seed)
    mask = draw_mask(128, 96)
    assert mask.shape == (1, 128, 96)
    assert 0 <= mask.min() <= mask.max() <= 1 + 1e-5
    assert mask[0, 58:78, 43:53].min() > 0.95  # the middle of the face
    rim = torch.cat([mask[0, 0], mask[0, :, 0], mask[0, :, -1]])
    assert rim.max() < 0.05
    assert 0.12 < mask.mean() < 0.5


def test_masks_have_soft_edges_and_differ():
    torch.manual_seed(0)
    masks = [draw_mask(64, 64) for _ in range(4)]
    assert all(((mask > 0.05) & (mask < 0.95)).any() for mask in masks)
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize("seed", range(6))
def test_blending_changes_the_picture_and_keeps_its_form(face, seed):
    torch.manual_seed(seed)
    blended = blend_into_itself(face)
    assert (blended.shape, blended.dtype) == (face.shape, torch.uint8)
    assert not torch.equal(blended, face)
    assert (blended.float() - face.float()).abs().mean() < 40  # still the same face


def test_the_seed_decides(face):
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(blend_into_itself(face))
    assert torch.equal(*results)
