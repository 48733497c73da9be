"""timm's own training script, as it is, on label maps.

::

    python -m relabel_maps.timm_train TRAIN_PY --label-maps LABELS --data-dir IMAGES [options of timm's train.py]

``TRAIN_PY`` is the ``train.py`` of a checkout of https://github.com/huggingface/pytorch-image-models. The training images
are those that were labelled; each comes with the target of its own crop, through timm's crop, flips and RandAugment. Mixup
and CutMix mix these targets by the shares that timm drew. Validation is timm's. With several processes:
``torchrun --nproc_per_node=8 -m relabel_maps.timm_train TRAIN_PY ...``.
"""

from __future__ import annotations

import argparse
import random
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import timm.data
import torch
from timm.data import auto_augment, transforms
from timm.data.loader import fast_collate
from torch import Tensor
from torch.utils.data import Dataset, default_collate
from torchvision.transforms import functional
from torchvision.transforms.v2 import functional as F

from .crops import Crop, take_step
from .dataset import RelabelDataset, Sample, collate
from .label_maps import LabelMaps
from .pooling import label_pool

MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "TranslateXRel", "TranslateYRel", "Rotate")

# Steps of timm's training transforms that move nothing.
COLOURS = (
    "ColorJitter",
    "RandomGrayscale",
    "GaussianBlur",
    "MaybeToTensor",
    "MaybePILToTensor",
    "ToTensor",
    "ToNumpy",
    "PILToTensor",
    "Normalize",
    "RandomErasing",
)


class FollowedSteps:
    """Steps of a training transform of timm, done to a picture and its crop.

    Args:
        composed: What ``timm.data.create_transform(is_training=True)`` gives.

    Raises:
        ValueError: If a step moves the picture in a way that is not known here.
    """

    def __init__(self, composed: Any) -> None:
        self.steps: list[Callable[[Any, Crop], tuple[Any, Crop]]] = [_followed(step) for step in composed.transforms]

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        for step in self.steps:
            picture, crop = step(picture, crop)
        return picture, crop


def _followed(step: Any) -> Callable[[Any, Crop], tuple[Any, Crop]]:
    name = type(step).__name__
    if isinstance(step, transforms.RandomResizedCropAndInterpolation):
        return _Cut(step)
    if name in ("RandomHorizontalFlip", "RandomVerticalFlip"):
        return _Flip(name == "RandomHorizontalFlip", step.p)
    if name in ("Resize", "CenterCrop"):
        return _Sized(step, F.resize if name == "Resize" else F.center_crop)
    if isinstance(step, (auto_augment.RandAugment, auto_augment.AutoAugment)):
        return _Automatic(step)
    inner = step.transforms if name == "RandomApply" else [step]
    if all(type(one).__name__ in COLOURS for one in inner):
        return _Colours(step)
    raise ValueError(f"Cannot follow images through timm's {name}: choose other options of augmentation")


class _Cut:
    def __init__(self, step: Any) -> None:
        self.step = step

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        step = self.step
        box = step.get_params(picture, step.scale, step.ratio)
        ways = step.interpolation
        way = random.choice(ways) if isinstance(ways, (tuple, list)) else ways
        size = list(step.size)
        return functional.resized_crop(picture, *box, size, way), F.resized_crop(crop, *box, size)


class _Sized:
    def __init__(self, step: Any, follow: Callable[..., Crop]) -> None:
        self.step = step
        self.follow = follow

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        size = self.step.size
        return self.step(picture), self.follow(crop, size if isinstance(size, int) else list(size))


class _Flip:
    def __init__(self, across: bool, probability: float) -> None:
        self.across = across
        self.probability = probability

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        if torch.rand(1) >= self.probability:
            return picture, crop
        flip, follow = (functional.hflip, F.horizontal_flip) if self.across else (functional.vflip, F.vertical_flip)
        return flip(picture), follow(crop)


class _Automatic:
    def __init__(self, step: Any) -> None:
        self.step = step

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        for operation in self._chosen():
            if operation.name in MOVES:
                moved = operation(_Moved(picture, crop))
                picture, crop = moved.picture, moved.crop
            else:
                picture = operation(picture)
        return picture, crop

    def _chosen(self) -> Sequence[Any]:
        """The operations as timm draws them."""
        step = self.step
        if isinstance(step, auto_augment.AutoAugment):
            policy: Sequence[Any] = random.choice(step.policy)
            return policy
        drawn: Sequence[Any] = np.random.choice(
            step.ops, step.num_layers, replace=step.choice_weights is None, p=step.choice_weights
        ).tolist()
        return drawn


class _Moved:
    """A picture of Pillow as far as timm's geometric operations use it; its crop goes along."""

    def __init__(self, picture: Any, crop: Crop) -> None:
        self.picture = picture
        self.crop = crop

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.picture.size
        return width, height

    def transform(self, size: tuple[int, int], method: Any, data: Sequence[float], **options: Any) -> _Moved:
        return _Moved(self.picture.transform(size, method, data, **options), take_step(self.crop, data))

    def rotate(self, angle: float, **options: Any) -> _Moved:
        return _Moved(self.picture.rotate(angle, **options), F.rotate(self.crop, angle))


class _Colours:
    def __init__(self, step: Any) -> None:
        self.step = step

    def __call__(self, picture: Any, crop: Crop) -> tuple[Any, Crop]:
        return self.step(picture), crop


class TimmImages(Dataset[tuple[Any, Sample]]):
    """Labelled images for timm's ``create_loader``, which sets their transform."""

    def __init__(self, root: Path, maps: LabelMaps) -> None:
        self.data = RelabelDataset(root, maps, _as_it_is)

    @property
    def transform(self) -> Any:
        return self.data.transform

    @transform.setter
    def transform(self, composed: Any) -> None:
        if not hasattr(composed, "transforms"):
            raise ValueError("Cannot train on label maps with several sizes of images or augmentation splits")
        self.data.transform = FollowedSteps(composed)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, row: int) -> tuple[Any, Sample]:
        sample = self.data[row]
        return sample.image, sample


def _as_it_is(image: Any, crop: Crop) -> tuple[Any, Crop]:
    return image, crop


def _targets(samples: Sequence[Sample], maps: LabelMaps) -> Tensor:
    """The pooled targets of a batch, ``[N, C]``."""
    blank = [sample._replace(image=0) for sample in samples]
    _, crops, batch, _ = collate(blank, maps)
    return label_pool(batch, crops)


class PooledCollate:
    """Images as timm collates them, and pooled targets."""

    def __init__(self, maps: LabelMaps, images: Callable[[Any], Any]) -> None:
        self.maps = maps
        self.images = images

    def __call__(self, batch: Sequence[tuple[Any, Sample]]) -> tuple[Tensor, Tensor]:
        pictures, _ = self.images([(picture, 0) for picture, _ in batch])
        return pictures, _targets([sample for _, sample in batch], self.maps)


def _mixing(mixup: Any, count: int) -> None:
    """Has timm's Mixup give what each row is mixed of: of the targets 0, 1, 2, ... that is a matrix of shares."""
    mixup.num_classes, mixup.label_smoothing = count, 0.0


class PooledMixup(timm.data.Mixup):  # type: ignore[misc]
    """timm's Mixup and CutMix of targets that are probabilities; ``label_smoothing`` does nothing to them.

    ``PooledMixup(**options)(images [N, C, H, W], targets [N, classes])``, with the options of ``timm.data.Mixup``.
    """

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        _mixing(self, len(images))
        images, shares = super().__call__(images, torch.arange(len(images), device=images.device))
        return images, shares.to(targets) @ targets


class PooledCollateMixup(timm.data.FastCollateMixup):  # type: ignore[misc]
    """The same where timm collates images; :func:`create_loader` says of which maps the targets are."""

    maps: LabelMaps

    def __call__(self, batch: Sequence[tuple[Any, Sample]], _: Any = None) -> tuple[Tensor, Tensor]:
        _mixing(self, len(batch))
        images, shares = super().__call__([(picture, row) for row, (picture, _) in enumerate(batch)])
        return images, shares @ _targets([sample for _, sample in batch], self.maps)


@contextmanager
def label_maps_in_timm(maps: LabelMaps) -> Iterator[None]:
    """Until it ends, ``timm.data`` gives training data whose targets are pooled from ``maps``."""
    names = ("create_dataset", "create_loader", "create_naflex_loader", "Mixup", "FastCollateMixup")
    own = {name: getattr(timm.data, name) for name in names if hasattr(timm.data, name)}

    def create_dataset(name: str, root: Any = None, split: str = "train", is_training: bool = False, **options: Any) -> Any:
        if not is_training:
            return own["create_dataset"](name, root=root, split=split, is_training=False, **options)
        folders = [Path(root) / split, Path(root)]
        first = maps.keys[0]
        return TimmImages(next((folder for folder in folders if (folder / first).is_file()), folders[-1]), maps)

    def create_loader(dataset: Any, *positional: Any, collate_fn: Any = None, **options: Any) -> Any:
        if isinstance(dataset, TimmImages):
            if isinstance(collate_fn, PooledCollateMixup):
                collate_fn.maps = maps
            else:
                collate_fn = PooledCollate(maps, fast_collate if options.get("use_prefetcher", True) else default_collate)
        return own["create_loader"](dataset, *positional, collate_fn=collate_fn, **options)

    def create_naflex_loader(dataset: Any, *positional: Any, **options: Any) -> Any:
        if isinstance(dataset, TimmImages):
            raise ValueError("Cannot train on label maps with NaFlex: its crops are not followed")
        return own["create_naflex_loader"](dataset, *positional, **options)

    ours: dict[str, Any] = {
        "create_dataset": create_dataset,
        "create_loader": create_loader,
        "create_naflex_loader": create_naflex_loader,
        "Mixup": PooledMixup,
        "FastCollateMixup": PooledCollateMixup,
    }
    try:
        for name in own:
            setattr(timm.data, name, ours[name])
        yield
    finally:
        for name, value in own.items():
            setattr(timm.data, name, value)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs ``train.py`` with label maps; arguments default to those of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m relabel_maps.timm_train",
        description="Runs timm's train.py on label maps; all other options are its own.",
        allow_abbrev=False,
    )
    parser.add_argument("script", help="train.py of a checkout of pytorch-image-models")
    parser.add_argument("--label-maps", required=True, help="a folder, a file, or owner/name on the hub")
    parser.add_argument("--smoothing", type=float, default=0.0, help="0: targets say themselves how sure they are")
    options, others = parser.parse_known_args(arguments)
    if options.smoothing:
        parser.error("--smoothing is of targets with one class: leave it out, or 0")
    if not Path(options.script).is_file():
        parser.error(f'Cannot find "{options.script}": timm\'s package has no train.py, its repository has (pytorch-image-models)')
    maps = LabelMaps(options.label_maps)
    classes = [] if "--num-classes" in others else ["--num-classes", str(maps.metadata.classes)]
    before = sys.argv
    sys.argv = [options.script, *others, *classes, "--smoothing", "0"]
    try:
        with label_maps_in_timm(maps):
            runpy.run_path(options.script, run_name="__main__")
    finally:
        sys.argv = before


if __name__ == "__main__":
    main()
