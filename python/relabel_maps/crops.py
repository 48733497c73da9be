"""What transforms do to a picture, kept beside it: the box that is cut out, and how it is flipped, turned or warped.

A :class:`Crop` goes through torchvision's ``transforms.v2`` together with its image::

    image, crop = transform(image, Crop.of(image))

It is a tensor ``[R, 6]`` of float32, so that it can be collated:

- row 0: top, left, height, width of the box, fractions of the image; height and width of the picture now, pixels;
- row 1: the warp, an affine map from the picture to the box, both in fractions of their own width (x, to the right) and
  height (y, down): x' = a x + b y + c, y' = d x + e y + f;
- rows 2 to R - 1: the same from the picture to what a step was done to, where that step took places from outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

Affine = tuple[float, float, float, float, float, float]

IDENTITY: Affine = (1, 0, 0, 0, 1, 0)

# Fractions are kept in float32; an edge may lie this far outside.
ROUNDING = 1e-6


class Crop(tv_tensors.TVTensor):  # type: ignore[misc]
    """The part of an image that a picture shows; see the module. ``Crop(500, 375)`` is all of one of 500 x 375 pixels."""

    def __new__(cls, width: int, height: int) -> Crop:
        rows = [[0, 0, 1, 1, height, width], IDENTITY]
        return torch.tensor(rows, dtype=torch.float32).as_subclass(cls)

    @classmethod
    def of(cls, image: Any) -> Crop:
        """All of an image, PIL's or a tensor ``[..., H, W]``."""
        height, width = F.get_size(image)
        return cls(width, height)

    def __repr__(self) -> str:
        top, left, height, width = self.as_subclass(Tensor)[0, :4].tolist()
        return f"Crop(top={top:.4g}, left={left:.4g}, height={height:.4g}, width={width:.4g}, warp={self.warp})"

    @property
    def box(self) -> Tensor:
        """Top, left, height, width of the box, fractions of the image."""
        box: Tensor = self.as_subclass(Tensor)[0, :4]
        return box

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of the picture now."""
        height, width = _size(self)
        return int(height), int(width)

    @property
    def warp(self) -> Affine:
        """The affine map from the picture to the box."""
        return _affine(self.as_subclass(Tensor)[1])


def _affine(row: Tensor) -> Affine:
    a, b, c, d, e, f = row.double().tolist()
    return a, b, c, d, e, f


def compose(first: Affine, second: Affine) -> Affine:
    """The warp of a picture that was warped by ``first``, and then, as it was, by ``second``."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f


def _is_inside(warp: Affine) -> bool:
    a, b, c, d, e, f = warp
    corners = ((x, y) for x in (0, 1) for y in (0, 1))
    places = ((a * x + b * y + c, d * x + e * y + f) for x, y in corners)
    return all(-ROUNDING <= value <= 1 + ROUNDING for place in places for value in place)


def _step(crop: Crop, step: Affine, size: tuple[float, float]) -> Crop:
    """The crop of a new picture of ``size`` (height, width) of which ``step`` says where its places were in this one."""
    rows = crop.as_subclass(Tensor)
    top, left, height, width = rows[0, :4].double().tolist()
    warp, *frames = (_affine(row) for row in rows[1:])
    a, b, c, d, e, f = step
    upright = b == 0 and d == 0 and a > 0 and e > 0
    if upright and warp == IDENTITY and not frames and _is_inside(step):
        box = [top + f * height, left + c * width, e * height, a * width]
    else:
        box = [top, left, height, width]
        frames = [compose(frame, step) for frame in frames]
        # Of a picture that was not warped yet the warp itself says what lies outside.
        if warp != IDENTITY and not _is_inside(step):
            frames.append(step)
        warp = compose(warp, step)
    values = torch.tensor([[*box, *size], warp, *frames], dtype=torch.float32, device=rows.device)
    return values.as_subclass(Crop)


def _size(crop: Crop) -> tuple[float, float]:
    height, width = crop.as_subclass(Tensor)[0, 4:].tolist()
    return height, width


Kernel = TypeVar("Kernel", bound=Callable[..., Crop])


def _follows(functional: Any) -> Callable[[Kernel], Kernel]:
    """Registers what a functional of torchvision does to a crop."""

    def register(kernel: Kernel) -> Kernel:
        F.register_kernel(functional=functional, tv_tensor_cls=Crop)(kernel)
        return kernel

    return register


def _pixels(matrix: Sequence[float], old: tuple[float, float], new: tuple[float, float]) -> Affine:
    """A step in fractions, of an affine map from the new picture's pixels to the old one's."""
    a, b, c, d, e, f = matrix
    (height, width), (new_height, new_width) = old, new
    return (
        a * new_width / width,
        b * new_height / width,
        c / width,
        d * new_width / height,
        e * new_height / height,
        f / height,
    )


def take_step(crop: Crop, matrix: Sequence[float]) -> Crop:
    """The crop of a picture that was warped in its own size; the matrix, as Pillow takes it, goes from new pixels to old."""
    size = _size(crop)
    return _step(crop, _pixels(matrix, size, size), size)


@_follows(F.crop)
def _crop(inpt: Crop, top: int, left: int, height: int, width: int) -> Crop:
    return _step(inpt, _pixels((1, 0, left, 0, 1, top), _size(inpt), (height, width)), (height, width))


@_follows(F.resize)
def _resize(
    inpt: Crop,
    size: int | Sequence[int] | None,
    interpolation: Any = None,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Crop:
    height, width = _size(inpt)
    # What a size means is torchvision's to say: a picture without pixels is resized.
    blank = torch.empty(1, int(height), int(width), device="meta")
    new_height, new_width = F.resize(blank, size, max_size=max_size, antialias=False).shape[-2:]
    return _step(inpt, IDENTITY, (new_height, new_width))


@_follows(F.resized_crop)
def _resized_crop(
    inpt: Crop, top: int, left: int, height: int, width: int, size: Sequence[int], *args: Any, **kwargs: Any
) -> Crop:
    return _resize(_crop(inpt, top, left, height, width), size)


@_follows(F.center_crop)
def _center_crop(inpt: Crop, output_size: int | Sequence[int]) -> Crop:
    sizes = [output_size] if isinstance(output_size, int) else list(output_size)
    height, width = sizes[0], sizes[-1]
    old_height, old_width = _size(inpt)
    # As torchvision pads and cuts: half of a pixel goes where it goes there.
    before_y, before_x = max(height - old_height, 0) // 2, max(width - old_width, 0) // 2
    top = -before_y if height > old_height else round((old_height - height) / 2)
    left = -before_x if width > old_width else round((old_width - width) / 2)
    return _crop(inpt, int(top), int(left), height, width)


@_follows(F.pad)
def _pad(inpt: Crop, padding: int | Sequence[int], fill: Any = None, padding_mode: str = "constant") -> Crop:
    if padding_mode != "constant":
        raise NotImplementedError(f"Cannot follow a crop through padding_mode {padding_mode!r}: only 'constant' is empty")
    sides = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = (sides * 4 if len(sides) == 1 else sides * 2)[:4]
    height, width = _size(inpt)
    return _crop(inpt, -top, -left, int(height) + top + bottom, int(width) + left + right)


@_follows(F.horizontal_flip)
def _horizontal_flip(inpt: Crop) -> Crop:
    return _step(inpt, (-1, 0, 1, 0, 1, 0), _size(inpt))


@_follows(F.vertical_flip)
def _vertical_flip(inpt: Crop) -> Crop:
    return _step(inpt, (1, 0, 0, 0, -1, 1), _size(inpt))


@_follows(F.affine)
def _affine_kernel(
    inpt: Crop,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = None,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Crop:
    size = _size(inpt)
    shears = [float(shear), 0.0] if isinstance(shear, (int, float)) else [float(value) for value in shear]
    skew_x, skew_y = shears if len(shears) == 2 else [shears[0], 0.0]
    return take_step(inpt, _inverse_affine(angle, translate, scale, (skew_x, skew_y), _middle(size, center)))


@_follows(F.rotate)
def _rotate(
    inpt: Crop,
    angle: float,
    interpolation: Any = None,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Crop:
    if expand:
        raise NotImplementedError("Cannot follow a crop through a rotation with expand=True")
    # Counterclockwise, where affine turns clockwise.
    return take_step(inpt, _inverse_affine(-angle, (0, 0), 1, (0, 0), _middle(_size(inpt), center)))


def _middle(size: tuple[float, float], center: Sequence[float] | None) -> tuple[float, float]:
    height, width = size
    return (width / 2, height / 2) if center is None else (center[0], center[1])


def _inverse_affine(
    angle: float, translate: Sequence[float], scale: float, shear: tuple[float, float], center: tuple[float, float]
) -> Affine:
    """From pixels of the result to those of the picture: the inverse of T(translate) C R(angle) Shear(x, y) Scale C^-1."""
    turn, (skew_x, skew_y) = math.radians(angle), (math.radians(value) for value in shear)
    a = math.cos(turn - skew_y) / math.cos(skew_y)
    b = -math.cos(turn - skew_y) * math.tan(skew_x) / math.cos(skew_y) - math.sin(turn)
    c = math.sin(turn - skew_y) / math.cos(skew_y)
    d = -math.sin(turn - skew_y) * math.tan(skew_x) / math.cos(skew_y) + math.cos(turn)
    # The determinant of the turn and the shear is 1.
    inverse = [d / scale, -b / scale, -c / scale, a / scale]
    (middle_x, middle_y), (shift_x, shift_y) = center, translate
    from_x, from_y = middle_x + shift_x, middle_y + shift_y
    return (
        inverse[0],
        inverse[1],
        middle_x - inverse[0] * from_x - inverse[1] * from_y,
        inverse[2],
        inverse[3],
        middle_y - inverse[2] * from_x - inverse[3] * from_y,
    )


def _refuse(functional: Any) -> None:
    def kernel(inpt: Crop, *args: Any, **kwargs: Any) -> Crop:
        raise NotImplementedError(f"Cannot follow a crop through {functional.__name__}: it is not affine")

    _follows(functional)(kernel)


# Without a kernel torchvision would pass crops on as they are.
for _functional in (F.perspective, F.elastic, F.five_crop, F.ten_crop):
    _refuse(_functional)


class RandomResizedCropWithBox(v2.RandomResizedCrop):  # type: ignore[misc]
    """torchvision's ``RandomResizedCrop`` of an image alone, which gives ``(picture, crop)``."""

    def __call__(self, image: Any) -> tuple[Any, Crop]:
        picture, crop = super().__call__(image, Crop.of(image))
        return picture, crop


_MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


class FollowsCrops:
    """Of torchvision's automatic augmentations: crops go where the image goes."""

    def _apply_image_or_video_transform(self, image: Any, transform_id: str, magnitude: float, **options: Any) -> Any:
        self._moves.append((transform_id, magnitude))
        return super()._apply_image_or_video_transform(image, transform_id, magnitude, **options)  # type: ignore[misc]

    def forward(self, *inputs: Any) -> Any:
        self._moves: list[tuple[str, float]] = []
        result = super().forward(*inputs)  # type: ignore[misc]
        return torch.utils._pytree.tree_map(self._follow, result)

    def _follow(self, value: Any) -> Any:
        if not isinstance(value, Crop):
            return value
        for transform_id, magnitude in self._moves:
            if transform_id in _MOVES:
                value = super()._apply_image_or_video_transform(  # type: ignore[misc]
                    value, transform_id, magnitude, interpolation=v2.InterpolationMode.NEAREST, fill={Crop: None}
                )
        return value


class RandAugment(FollowsCrops, v2.RandAugment):  # type: ignore[misc]
    """torchvision's ``RandAugment``; crops beside the image follow it."""


class TrivialAugmentWide(FollowsCrops, v2.TrivialAugmentWide):  # type: ignore[misc]
    """torchvision's ``TrivialAugmentWide``; crops beside the image follow it."""


class AutoAugment(FollowsCrops, v2.AutoAugment):  # type: ignore[misc]
    """torchvision's ``AutoAugment``; crops beside the image follow it."""
