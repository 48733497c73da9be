"""Mixing of images whose targets are probabilities, within a batch."""

from __future__ import annotations

import torch
from torch import Tensor


def mixup(images: Tensor, targets: Tensor, alpha: float = 0.2) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al., 2018): each image is blended with another of the batch, and so are their targets.

    Args:
        images: ``[N, C, H, W]``.
        targets: ``[N, classes]``, probabilities.
        alpha: The share is drawn from Beta(alpha, alpha), once for the batch.

    Returns:
        Images and targets of the same shapes.
    """
    share = _share(alpha)
    other = torch.randperm(len(images), device=images.device)
    return images.lerp(images[other], 1 - share), targets.lerp(targets[other], 1 - share)


def cutmix(images: Tensor, targets: Tensor, alpha: float = 1.0) -> tuple[Tensor, Tensor]:
    """CutMix (Yun et al., 2019): a box of each image is another image's, and targets are mixed by area.

    Pooled targets are of the whole crop, so that they are mixed as the paper's table 5 does it, by the share of the box.

    Args:
        images: ``[N, C, H, W]``.
        targets: ``[N, classes]``, probabilities.
        alpha: The share of the image that stays is drawn from Beta(alpha, alpha), once for the batch.

    Returns:
        Images and targets of the same shapes.
    """
    height, width = images.shape[-2:]
    side = (1 - _share(alpha)) ** 0.5
    half_height, half_width = int(side * height) // 2, int(side * width) // 2
    y, x = int(torch.randint(height, ())), int(torch.randint(width, ()))
    top, bottom = max(y - half_height, 0), min(y + half_height, height)
    left, right = max(x - half_width, 0), min(x + half_width, width)
    other = torch.randperm(len(images), device=images.device)
    images = images.clone()
    images[..., top:bottom, left:right] = images[other, ..., top:bottom, left:right]
    return images, targets.lerp(targets[other], (bottom - top) * (right - left) / (height * width))


def _share(alpha: float) -> float:
    if not alpha > 0:
        raise ValueError(f"Cannot mix images: alpha is {alpha}, expected a positive number")
    return float(torch.distributions.Beta(alpha, alpha).sample())
