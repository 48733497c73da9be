from __future__ import annotations

import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from relabel_maps import AutoAugment, Crop, RandAugment, RandomResizedCropWithBox, TrivialAugmentWide
from relabel_maps.crops import compose

WIDTH, HEIGHT = 61, 47


def places() -> tv_tensors.Image:
    """A picture whose channels are x and y of its pixels' middles, fractions of the image, and 1 where it shows anything."""
    x = ((torch.arange(WIDTH) + 0.5) / WIDTH).expand(HEIGHT, WIDTH)
    y = ((torch.arange(HEIGHT) + 0.5) / HEIGHT)[:, None].expand(HEIGHT, WIDTH)
    return tv_tensors.Image(torch.stack([x, y, torch.ones(HEIGHT, WIDTH)]))


def follows(picture: torch.Tensor, crop: Crop, tolerance: float) -> None:
    """Where the picture shows something, the crop says what."""
    rows = crop.as_subclass(torch.Tensor).double()
    height, width = picture.shape[-2:]
    assert rows[0, 4:].tolist() == [height, width]
    u = ((torch.arange(width) + 0.5) / width).double().expand(height, width)
    v = ((torch.arange(height) + 0.5) / height)[:, None].double().expand(height, width)

    def apply(row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a, b, c, d, e, f = row
        return a * u + b * v + c, d * u + e * v + f

    top, left, box_height, box_width = rows[0, :4]
    x, y = apply(rows[1])
    shown = torch.ones(height, width, dtype=torch.bool)
    for row in rows[1:]:
        for value in apply(row):
            shown &= (value > 0) & (value < 1)
    seen = picture[2] > 0.999
    # An edge goes through pixels: what shows and what should differ there alone.
    assert (shown != (picture[2] > 0.5)).float().mean() < 0.09
    both = shown & seen
    assert both.any()
    assert (left + x * box_width - picture[0])[both].abs().max() < tolerance
    assert (top + y * box_height - picture[1])[both].abs().max() < tolerance


@pytest.mark.parametrize(
    ("name", "transform"),
    [
        ("resized crop", v2.RandomResizedCrop((33, 29), antialias=False)),
        ("crop with padding", v2.RandomCrop((40, 70), padding=5, pad_if_needed=True)),
        ("middle", v2.CenterCrop((30, 21))),
        ("middle of something smaller", v2.CenterCrop((60, 70))),
        ("resize", v2.Resize(32, antialias=False)),
        ("longest side", v2.Resize(None, max_size=40, antialias=False)),
        ("flips", v2.Compose([v2.RandomHorizontalFlip(1), v2.RandomVerticalFlip(1)])),
        ("rotation", v2.RandomRotation(40)),
        ("rotation about a corner", v2.RandomRotation(20, center=[0, 0])),
        ("affine", v2.RandomAffine(30, translate=(0.2, 0.1), scale=(0.7, 1.4), shear=(-20, 20, -10, 10))),
        ("flip, rotation, crop", v2.Compose([v2.RandomHorizontalFlip(1), v2.RandomRotation(30), v2.RandomCrop(31)])),
        ("two rotations", v2.Compose([v2.RandomRotation(30), v2.RandomAffine(25, translate=(0.2, 0.2))])),
        (
            "training",
            v2.Compose([v2.RandomResizedCrop(48, antialias=False), v2.RandomHorizontalFlip(), RandAugment(3, 12)]),
        ),
        ("TrivialAugment", TrivialAugmentWide()),
        ("AutoAugment", AutoAugment()),
    ],
)
def test_a_crop_follows_its_image(name: str, transform: v2.Transform) -> None:
    torch.manual_seed(len(name))
    for _ in range(12):
        image = places()
        automatic = "ugment" in name or name == "training"
        if automatic:
            # Colours would not stay places: only the moves are looked at.
            transform_moves(transform)
            image = tv_tensors.Image((image * 255).to(torch.uint8))
        picture, crop = transform(image, Crop.of(image))
        if automatic:
            picture = picture.float() / 255
        follows(picture, crop, 0.06 if automatic or "rotation" in name or name == "affine" else 0.02)


def transform_moves(transform: v2.Transform) -> None:
    """Takes colour out of automatic augmentations."""
    moves = {"Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"}
    for part in [transform, *getattr(transform, "transforms", [])]:
        if isinstance(part, AutoAugment):
            part._policies = [tuple(step for step in policy if step[0] in moves) for policy in part._policies]
        elif hasattr(part, "_AUGMENTATION_SPACE"):
            space = part._AUGMENTATION_SPACE
            part._AUGMENTATION_SPACE = {name: how for name, how in space.items() if name in moves}


def test_colours_leave_a_crop_as_it_is() -> None:
    image = tv_tensors.Image(torch.randint(256, (3, 20, 30), dtype=torch.uint8))
    before = Crop.of(image)
    _, after = v2.Compose([v2.ColorJitter(0.4, 0.4, 0.4), v2.GaussianBlur(3), v2.ToDtype(torch.float32, scale=True)])(image, before)
    assert torch.equal(before.as_subclass(torch.Tensor), after.as_subclass(torch.Tensor))


def test_what_is_not_affine_is_refused() -> None:
    image = places()
    for transform in (v2.RandomPerspective(p=1), v2.ElasticTransform(), v2.RandomRotation(10, expand=True)):
        with pytest.raises(NotImplementedError, match="Cannot follow a crop"):
            transform(image, Crop.of(image))


def test_an_image_alone_gets_its_box() -> None:
    torch.manual_seed(0)
    picture, crop = RandomResizedCropWithBox(24)(Image.new("RGB", (80, 60)))
    assert picture.size == (24, 24)
    top, left, height, width = crop.box.tolist()
    assert 0 < height <= 1 and 0 < width <= 1 and top + height <= 1 + 1e-6 and left + width <= 1 + 1e-6
    assert (height * 60) % 1 == pytest.approx(0, abs=1e-4) or (height * 60) % 1 == pytest.approx(1, abs=1e-4)


def test_warps_are_composed_in_the_order_of_steps() -> None:
    image = Crop(WIDTH, HEIGHT)
    turned = F.rotate(F.horizontal_flip(image), 10.0)
    flip, turn = F.horizontal_flip(image).warp, F.rotate(image, 10.0).warp
    assert turned.warp == pytest.approx(compose(flip, turn), abs=1e-6)
