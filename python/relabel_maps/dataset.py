"""Images joined to their label maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset, default_collate
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import get_size

from .crops import IDENTITY, Crop, FollowsCrops
from .label_maps import LabelMaps
from .pooling import LabelMapBatch

AUTOMATIC = (v2.RandAugment, v2.TrivialAugmentWide, v2.AutoAugment, v2.AugMix)
FOLLOWING = ("RandAugment", "TrivialAugmentWide", "AutoAugment")

Transform = Callable[[Any, Crop], tuple[Any, Crop]]


class Sample(NamedTuple):
    """An image as a transform left it, what was cut out of it, its row among the maps, and its label or -1."""

    image: Any
    crop: Crop
    row: int
    label: int


class RelabelDataset(Dataset[Sample]):
    """The images of label maps, in their order.

    Args:
        root: The folder of the images: keys are paths under it.
        maps: Their label maps.
        transform: Of ``transforms.v2``, given image and crop; it gives both.
        loader: Opens an image by its path; default: Pillow, RGB, turned by EXIF where the labelled images were.

    Raises:
        FileNotFoundError: If the first image is not there.
        ValueError: If a step of the transform is known to move the image and not the crop; and, of an image that is read, if
            its sides are not in the proportion of the one that was labelled, or the transform moved it alone.
        TypeError: If the transform does not take and give image and crop.
    """

    def __init__(
        self,
        root: str | Path,
        maps: LabelMaps,
        transform: Transform,
        loader: Callable[[Path], Any] | None = None,
    ) -> None:
        self.root = Path(root)
        self.maps = maps
        self.transform = transform
        _check_steps(transform)
        self.loader = loader or (open_turned if maps.metadata.is_turned else open_image)
        if len(maps) and not (self.root / maps.keys[0]).is_file():
            raise FileNotFoundError(f'Cannot find "{maps.keys[0]}" under "{root}": is it the folder that was labelled?')

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, row: int) -> Sample:
        path = self.root / self.maps.keys[row]
        image = self.loader(path)
        whole = Crop.of(image)
        self._check_proportion(path, row, whole)
        picture, crop = self._transformed(image, whole)
        label = self.maps.labels[row]
        return Sample(picture, crop, row, -1 if label is None else label)

    def _check_proportion(self, path: Path, row: int, whole: Crop) -> None:
        """An image that was made smaller is still the one that was labelled; one that was cut or turned is not."""
        height, width = whole.pixels
        labelled_width, labelled_height = self.maps.sizes[row]
        # A side of so many pixels was rounded.
        if abs(width * labelled_height - height * labelled_width) > max(labelled_width, labelled_height):
            raise ValueError(
                f'Cannot use the label map of "{self.maps.keys[row]}": it is of an image of {labelled_width} x {labelled_height} '
                f'pixels, and "{path}" has {width} x {height}: is it the one that was labelled?'
            )

    def _transformed(self, image: Any, whole: Crop) -> tuple[Any, Crop]:
        try:
            picture, crop = self.transform(image, whole)
        except (TypeError, ValueError) as error:
            if isinstance(error, ValueError) and "unpack" not in str(error):
                raise
            raise TypeError(
                f"Cannot transform an image and its crop: {error}; expected a transform of torchvision.transforms.v2, called as "
                "transform(image, crop)"
            ) from error
        if not isinstance(crop, Crop):
            raise TypeError(f"Cannot transform an image and its crop: the transform gave {type(crop).__name__} for the crop")
        if isinstance(picture, (Tensor, Image.Image)) and tuple(get_size(picture)) != crop.pixels:
            height, width = get_size(picture)
            raise ValueError(
                f"Cannot follow an image through its transform: it has {width} x {height} pixels now, its crop "
                f"{crop.pixels[1]} x {crop.pixels[0]}: a step moved the image alone"
            )
        return picture, crop

    def collate(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor, LabelMapBatch, Tensor]:
        """Images, crops ``[N, R, 6]``, label maps and labels of a batch: for ``DataLoader(collate_fn=data.collate)``."""
        return collate(samples, self.maps)


def collate(samples: Sequence[Sample], maps: LabelMaps) -> tuple[Tensor, Tensor, LabelMapBatch, Tensor]:
    """Images, crops ``[N, R, 6]``, label maps and labels of a batch."""
    rows = max(len(sample.crop) for sample in samples)
    nothing = torch.tensor([IDENTITY], dtype=torch.float32)
    crops = [sample.crop.as_subclass(Tensor) for sample in samples]
    padded = [torch.cat([crop, nothing.expand(rows - len(crop), 6)]) for crop in crops]
    images = default_collate([sample.image for sample in samples])
    labels = torch.tensor([sample.label for sample in samples])
    return images, torch.stack(padded), maps.batch([sample.row for sample in samples]), labels


def open_image(path: Path) -> Image.Image:
    """An image in RGB, as torchvision's folders open it."""
    with Image.open(path) as image:
        converted: Image.Image = image.convert("RGB")
    return converted


def open_turned(path: Path) -> Image.Image:
    """An image in RGB, turned as its EXIF orientation says."""
    with Image.open(path) as image:
        turned: Image.Image = ImageOps.exif_transpose(image)
        return turned.convert("RGB")


def _check_steps(transform: Any) -> None:
    """torchvision's automatic augmentations move an image and leave what is beside it."""
    if isinstance(transform, AUTOMATIC) and not isinstance(transform, FollowsCrops):
        name = type(transform).__name__
        own = f"use relabel_maps.{name}" if name in FOLLOWING else "leave it out"
        raise ValueError(f"Cannot follow images through torchvision's {name}, which leaves crops behind: {own}")
    steps = getattr(transform, "transforms", None)
    for step in steps if isinstance(steps, (list, tuple, torch.nn.ModuleList)) else ():
        _check_steps(step)
