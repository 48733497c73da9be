"""LabelPooling straight from label maps as they are stored: no dense tensor of all classes, no loop over images.

A map of H x W cells covers the whole image; cell (i, j) stands for its middle. A crop is a box on that plane, at least one
cell high and wide, which is sampled at ceil(height) x ceil(width) places: RoIAlign (He et al., "Mask R-CNN", section 3) as
``torchvision.ops.roi_align`` does it with ``sampling_ratio=-1`` and ``aligned=False``, with which the published code of
"Re-labeling ImageNet" pools.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

Mode = Literal["local-multi", "local-single", "global-multi", "global-single"]
Missing = Literal["zero", "uniform", "renormalise"]
Interpolation = Literal["bilinear", "nearest"]
Scores = Literal["softmax", "sigmoid", "presence"]

MODES = ("local-multi", "local-single", "global-multi", "global-single")
MISSING = ("zero", "uniform", "renormalise")
INTERPOLATIONS = ("bilinear", "nearest")

# Fractions are computed in float32; an edge may lie this far outside.
ROUNDING = 1e-6

# More than any logit is, so that a cell's own weakest is less. The probability of its negative is 0.
BEYOND_LOGITS = 1e30


@dataclass(frozen=True)
class LabelMapBatch:
    """Label maps of N images on one device.

    Attributes:
        classes: Class indices, ``[N, k, H, W]``, an integer type.
        score: Their scores in the same order, float32, float16 or an 8-bit float; rank 0 is the highest.
        class_count: Number of classes C that the annotator tells apart.
        scores: What scores are: logits of classes that exclude each other (``softmax``), logits of independent classes
            (``sigmoid``), or probabilities (``presence``).
        floor: The logit of classes that a cell lacks, in ``sigmoid`` maps that do not hold all classes.
    """

    classes: Tensor
    score: Tensor
    class_count: int
    scores: Scores = "softmax"
    floor: float | None = None

    def __len__(self) -> int:
        return self.classes.shape[0]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LabelMapBatch:
        """The same maps on another device."""
        return replace(
            self,
            classes=self.classes.to(device, non_blocking=non_blocking),
            score=self.score.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> LabelMapBatch:
        """The same maps in pinned memory; ``DataLoader(pin_memory=True)`` calls this."""
        return replace(self, classes=self.classes.pin_memory(), score=self.score.pin_memory())


def label_pool(
    maps: LabelMapBatch,
    crops: Tensor,
    *,
    map_index: Tensor | None = None,
    mode: Mode = "local-multi",
    temperature: float = 1.0,
    missing: Missing = "zero",
    output_size: int | tuple[int, int] = 1,
    interpolation: Interpolation = "bilinear",
    validate: bool = True,
) -> Tensor:
    """The targets of crops.

    Args:
        maps: Label maps of N images.
        crops: ``[n, 4]``: top, left, height, width, fractions of the image; or ``[n, R, 6]``, stacked :class:`Crop`, which
            also say what was done to the picture after it was cut out. On the device of the maps.
        map_index: ``[n]``: whose map each crop is of; default: crop i is of map i.
        mode: Of the crop's part of the map or of the whole (``global``), all classes or the best one alone (``single``):
            the paper's table 2.
        temperature: Logits are divided by it.
        missing: What a class counts in a cell that lacks it: logit 0 (the published code); an even share of what is left of
            1 in the softmax of the cell, or nothing of it (FKD's marginal smoothing and re-norm).
        output_size: Bins, ``(height, width)`` or both alike, each with a target of its own.
        interpolation: How the map is read between its cells.
        validate: Check the values of crops and classes; on a GPU that waits for them.

    Returns:
        Probabilities, float32: ``[n, C]``, or ``[n, height, width, C]`` where there are several bins. They add up to 1 where
        ``maps.scores`` is ``softmax``.

    Raises:
        ValueError: If a crop is not a part of the image, or an option is unknown or not one of such maps.
    """
    _check_options(maps, mode, temperature, missing, interpolation)
    bins = (output_size, output_size) if isinstance(output_size, int) else output_size
    if crops.ndim == 2 and crops.shape[1] == 4:
        crops = crops[:, None]
    elif crops.ndim != 3 or crops.shape[1] < 1 or crops.shape[2] != 6:
        raise ValueError(f"Cannot pool labels: crops are {list(crops.shape)}, expected [n, 4] or [n, R, 6]")
    count = crops.shape[0]
    if map_index is None and count != len(maps):
        raise ValueError(f"Cannot pool labels: there are {count} crops of {len(maps)} maps; map_index says which is whose")
    if validate:
        _check_values(maps, crops)
    if mode.startswith("global"):
        crops = crops.new_tensor([0, 0, 1, 1]).expand(count, 1, 4)
    # An M-series GPU has no float64.
    exact = crops.float() if crops.device.type == "mps" else crops.double()
    height, width = maps.classes.shape[2:]
    # To look at warps on a GPU is to wait for them, as validating does.
    upright = exact.shape[1] == 1 or (validate and not bool(exact[:, 1:, [1, 3]].any()))
    weights = _cell_weights(exact, (height, width), bins, interpolation, upright).float()
    classes, score = (tensor.flatten(2) for tensor in (maps.classes, maps.score))
    if map_index is not None:
        classes, score = classes[map_index.long()], _take(score, map_index.long())
    targets = _pool(maps, weights, classes, score, temperature, missing, mode, always_shows=exact.shape[1] == 1)
    return targets[:, 0] if bins == (1, 1) else targets.reshape(count, *bins, maps.class_count)


def _take(score: Tensor, index: Tensor) -> Tensor:
    """Rows of a tensor whose type may be one that PyTorch cannot index."""
    return score.view(torch.uint8)[index].view(score.dtype) if score.element_size() == 1 else score[index]


def _check_options(
    maps: LabelMapBatch, mode: str, temperature: float, missing: str, interpolation: str
) -> None:
    for name, value, choices in (
        ("mode", mode, MODES),
        ("missing", missing, MISSING),
        ("interpolation", interpolation, INTERPOLATIONS),
    ):
        if value not in choices:
            raise ValueError(f"Cannot pool labels: {name} is {value!r}, expected one of {', '.join(choices)}")
    if not 0 < temperature < float("inf"):
        raise ValueError(f"Cannot pool labels: temperature is {temperature}, expected a positive number")
    if maps.scores == "softmax":
        return
    if missing != "zero":
        raise ValueError(f"Cannot pool labels: missing is {missing!r}, but classes are independent ({maps.scores})")
    if maps.scores == "presence" and temperature != 1:
        raise ValueError(f"Cannot pool labels: temperature is {temperature}, but scores are probabilities (presence)")


def _check_values(maps: LabelMapBatch, crops: Tensor) -> None:
    if not crops.shape[0] or not maps.classes.numel():
        return
    # Few operations, and one answer to wait for. What is not finite is not in these ranges either.
    box, largest = crops[:, 0, :4], maps.classes.amax()
    right = (box.amin() >= -ROUNDING) & ((box[:, :2] + box[:, 2:]).amax() <= 1 + ROUNDING) & (largest < maps.class_count)
    if crops.shape[1] > 1:
        right = right & crops[:, 1:].isfinite().all()
    if bool(right):
        return
    if int(largest) >= maps.class_count:
        raise ValueError(f"Cannot pool labels: the maps hold class {int(largest)}, expected less than {maps.class_count}")
    inside = (box >= -ROUNDING).all(1) & (box[:, :2] + box[:, 2:] <= 1 + ROUNDING).all(1)
    index = int((~(inside & crops[:, 1:].isfinite().flatten(1).all(1))).nonzero()[0, 0])
    top, left, height, width = box[index].tolist()
    raise ValueError(
        f"Cannot pool crop {index}: top {top:g}, left {left:g}, height {height:g}, width {width:g} is not a part of the "
        "image, or its warp is not finite"
    )


def _cell_weights(
    crops: Tensor, grid: tuple[int, int], bins: tuple[int, int], interpolation: Interpolation, upright: bool
) -> Tensor:
    """How much each cell counts for a bin: ``[n, bins, H * W]``, with the sum 1, or 0 where a bin shows nothing."""
    rows, columns = grid
    cells = crops.new_tensor(grid) if rows != columns else rows
    start, size = crops[:, 0, :2], crops[:, 0, 2:4]
    # Rounded to float32: 0.2 of 15 cells are 3 samples, not the 4 that 3.0000000000000004 would be.
    box = (size * cells).float().to(crops.dtype).clamp_(min=1)
    origin = start * cells - 0.5
    # Places that a step took from outside of the picture it was done to are empty.
    frames = crops[:, 1:]
    if upright:
        axes = [origin, box]
        if frames.shape[1]:
            # And of each frame factor and summand, down and to the right: [n, 2, frames].
            factor, summand = (frames[:, :, places].transpose(1, 2) for places in ([4, 0], [5, 2]))
            axes = [origin + summand[:, :, 0] * box, factor[:, :, 0] * box, factor, summand]
        if rows == columns and bins[0] == bins[1]:
            # Both axes at once.
            both = _axis_weights(rows, bins[0], interpolation, *(value.flatten(0, 1) for value in axes))
            by_row, by_column = both.view(-1, 2, bins[0], rows).unbind(1)
        else:
            by_row, by_column = (
                _axis_weights(grid[axis], bins[axis], interpolation, *(value[:, axis] for value in axes)) for axis in (0, 1)
            )
        return (by_row[:, :, None, :, None] * by_column[:, None, :, None, :]).reshape(len(crops), bins[0] * bins[1], -1)
    a, b, c, d, e, f = frames[:, 0].unbind(1)
    (origin_y, origin_x), (box_height, box_width) = origin.unbind(1), box.unbind(1)
    origin_y, origin_x = origin_y + f * box_height, origin_x + c * box_width
    down, right = (e * box_height, b * box_width), (d * box_height, a * box_width)
    places = []
    for side, count in ((down, bins[0]), (right, bins[1])):
        samples = _samples(torch.hypot(*side), count)
        places.append(_places(samples, count, int(samples.max()) if samples.numel() else 1))
    (v, v_used), (u, u_used) = places
    # [n, bins down, bins across, samples down, samples across]
    v, u = v[:, :, None, :, None], u[:, None, :, None, :]
    used = v_used[:, :, None, :, None] & u_used[:, None, :, None, :]

    def spread(value: Tensor) -> Tensor:
        return value[:, None, None, None, None]

    y = spread(origin_y) + v * spread(down[0]) + u * spread(right[0])
    x = spread(origin_x) + v * spread(down[1]) + u * spread(right[1])
    used = used & (y >= -1) & (y <= rows) & (x >= -1) & (x <= columns)
    for frame in frames.unbind(1):
        a, b, c, d, e, f = (spread(value) for value in frame.unbind(1))
        used = used & _inside(a * u + b * v + c) & _inside(d * u + e * v + f)
    shape = (len(crops), bins[0] * bins[1], -1)

    def flat(value: Tensor) -> Tensor:
        return value.expand(used.shape).reshape(shape)

    weights = crops.new_zeros(len(crops), bins[0] * bins[1], rows * columns)
    for row, share_y in _neighbours(y, rows, interpolation):
        for column, share_x in _neighbours(x, columns, interpolation):
            weights.scatter_add_(2, flat(row * columns + column), flat(torch.where(used, share_y * share_x, 0)))
    return weights / flat(used).sum(2, keepdim=True).clamp(min=1)


def _axis_weights(
    cells: int,
    bins: int,
    interpolation: Interpolation,
    origin: Tensor,
    length: Tensor,
    factor: Tensor | None = None,
    summand: Tensor | None = None,
) -> Tensor:
    """The same along one axis of crops that nothing turned: ``[n, bins, cells]``; frames are factor and summand."""
    # A box is at least a cell and was rounded.
    samples = length.ceil() if factor is None and bins == 1 else _samples(length.abs(), bins)
    # A part of the map has no more samples than cells, and one more by rounding: to count them is to wait for a GPU.
    most = -(-cells // bins) + 1 if factor is None or not factor.numel() else int(samples.max())
    place, used = _places(samples, bins, most)
    y = torch.addcmul(origin[:, None, None], place, length[:, None, None])
    if factor is None or summand is None:
        share = used / samples[:, None, None]
    else:
        used = used & (y >= -1) & (y <= cells)
        for a, b in zip(factor.unbind(1), summand.unbind(1), strict=True):
            used = used & _inside(a[:, None, None] * place + b[:, None, None])
        share = used / used.sum(2, keepdim=True, dtype=y.dtype).clamp_(min=1)
    y = y.clamp_(0, cells - 1)
    if interpolation == "nearest":
        y = y.add_(0.5).floor_()
    low = y.floor()
    upper = (y - low).mul_(share)
    # Past the last cell lies one that nothing is read from.
    weights = y.new_zeros(len(y), bins, cells + 1)
    cell = low.long()
    weights.scatter_add_(2, cell, share - upper)
    weights.scatter_add_(2, cell + 1, upper)
    return weights[..., :cells]


def _neighbours(y: Tensor, cells: int, interpolation: Interpolation) -> list[tuple[Tensor, Tensor]]:
    """The two cells that a place is read from, and their shares; of ``nearest`` the second has none."""
    y = y.clamp(0, cells - 1)
    if interpolation == "nearest":
        y = (y + 0.5).floor()
    low = y.floor()
    part, cell = y - low, low.long()
    return [(cell, 1 - part), ((cell + 1).clamp(max=cells - 1), part)]


def _samples(length: Tensor, bins: int) -> Tensor:
    """Samples of a bin along a side of so many cells."""
    return (length / bins).float().ceil().clamp(min=1).to(length.dtype)


def _places(samples: Tensor, bins: int, most: int) -> tuple[Tensor, Tensor]:
    """Where bins are sampled, fractions of the picture, and which of those places are: ``[n, bins, most]``."""
    number = torch.arange(most, device=samples.device, dtype=samples.dtype)
    each = samples[:, None, None]
    within, used = (number + 0.5) / each, (number < each).expand(-1, bins, -1)
    if bins == 1:
        return within, used
    first = torch.arange(bins, device=samples.device, dtype=samples.dtype)
    return (first[:, None] + within) / bins, used


def _inside(value: Tensor) -> Tensor:
    return (value >= -ROUNDING) & (value <= 1 + ROUNDING)


def _pool(
    maps: LabelMapBatch,
    weights: Tensor,
    classes: Tensor,
    score: Tensor,
    temperature: float,
    missing: Missing,
    mode: Mode,
    always_shows: bool,
) -> Tensor:
    """``[n, bins, C]`` of weights ``[n, bins, H * W]`` and maps ``[n, k, H * W]``.

    A batch of these is larger than the cache: what can be is done in place.
    """
    score = score.float() if temperature == 1 else score.float() / temperature
    values, lacking = _cell_terms(maps, score, temperature, missing)
    count, bins, _ = weights.shape
    index = classes.flatten(1).long()
    pooled = weights.new_zeros(count, bins, maps.class_count)
    for bin in range(bins):
        pooled[:, bin].scatter_add_(1, index, (weights[:, bin, None] * values).flatten(1))
    if lacking is not None:
        pooled += (weights * lacking[:, None]).sum(2, keepdim=True)
    independent = maps.scores != "softmax"
    averaged = missing != "zero"
    if not always_shows and (averaged or maps.scores == "sigmoid"):
        nothing = weights.sum(2, keepdim=True) == 0
        pooled = torch.where(nothing, 1 / maps.class_count if averaged else -BEYOND_LOGITS, pooled)
    if mode.endswith("single"):
        return _one_hot(pooled, 0.0 if independent else 1 / maps.class_count)
    if maps.scores == "softmax" and not averaged:
        return pooled.softmax(2) if pooled.requires_grad else torch.softmax(pooled, 2, out=pooled)
    return pooled.sigmoid_() if maps.scores == "sigmoid" else pooled


def _cell_terms(maps: LabelMapBatch, score: Tensor, temperature: float, missing: Missing) -> tuple[Tensor, Tensor | None]:
    """What the classes that a cell lacks count ``[n, cells]``, if anything, and how much more those count that it holds."""
    if maps.scores == "sigmoid":
        floor = BEYOND_LOGITS if maps.floor is None else maps.floor / temperature
        lacking = score.amin(1).clamp(max=floor)
        return score - lacking[:, None], lacking
    if maps.scores == "presence" or missing == "zero":
        return score, None
    # The logit 0 of the classes the cell lacks is among those of the softmax only where they have a share.
    largest = score.amax(1).clamp(min=0 if missing == "uniform" else -float("inf"))
    powers = (score - largest[:, None]).exp()
    other = (-largest).exp() if missing == "uniform" else torch.zeros_like(largest)
    total = powers.sum(1) + (maps.class_count - score.shape[1]) * other
    lacking = other / total
    return powers / total[:, None] - lacking[:, None], lacking


def _one_hot(values: Tensor, alike: float) -> Tensor:
    """1 for the highest value, the first of equals; ``alike`` for each where all are equal."""
    highest = values.amax(-1, keepdim=True)
    index = torch.arange(values.shape[-1], device=values.device)
    first = torch.where(values == highest, index, values.shape[-1]).amin(-1)
    target = torch.nn.functional.one_hot(first, values.shape[-1]).to(values.dtype)
    return torch.where((values == highest).all(-1, keepdim=True), alike, target)
