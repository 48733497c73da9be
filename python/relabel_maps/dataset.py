"""Images joined to their label maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from .crops import IDENTITY, Crop
from .label_maps import LabelMaps
from .pooling import LabelMapBatch

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
        self.loader = loader or (open_turned if maps.metadata.is_turned else open_image)
        if len(maps) and not (self.root / maps.keys[0]).is_file():
            raise FileNotFoundError(f'Cannot find "{maps.keys[0]}" under "{root}": is it the folder that was labelled?')

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, row: int) -> Sample:
        image = self.loader(self.root / self.maps.keys[row])
        picture, crop = self.transform(image, Crop.of(image))
        label = self.maps.labels[row]
        return Sample(picture, crop, row, -1 if label is None else label)

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
        return image.convert("RGB")


def open_turned(path: Path) -> Image.Image:
    """An image in RGB, turned as its EXIF orientation says."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
