"""LabelPooling straight from the maps beside the published code's way, on the processor: python pooling_speed.py.

The published code of "Re-labeling ImageNet" makes of each map a dense tensor of all classes and pools that with RoIAlign.
Both are checked against each other and timed in turns of five calls; a training step of a ResNet-18 stands beside them.
"""

import statistics
import time

import torch
import torchvision
from torchvision.ops import roi_align

from relabel_maps import LabelMapBatch, label_pool

BATCH, CLASSES, K, GRID, ROUNDS, CALLS = 64, 1000, 5, 15, 9, 5


def published(maps: LabelMapBatch, crops: torch.Tensor) -> torch.Tensor:
    """RoIAlign of the dense tensor of a batch, which is filled map by map."""
    dense = torch.zeros(BATCH, CLASSES, GRID, GRID)
    for one, classes, score in zip(dense, maps.classes.long(), maps.score, strict=True):
        one.scatter_(0, classes, score)
    top, left, height, width = (crops * GRID).unbind(1)
    boxes = torch.stack([torch.arange(BATCH), left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5], 1)
    return roi_align(dense, boxes, 1, aligned=False).flatten(1).softmax(1)


# One thread and its own time: what else the machine does counts for nothing.
torch.set_num_threads(1)
torch.manual_seed(0)
score, classes = (torch.randn(BATCH, CLASSES, GRID, GRID) * 3).topk(K, 1)
maps = LabelMapBatch(classes.int(), score, CLASSES)
top, left = torch.rand(BATCH) * 0.6, torch.rand(BATCH) * 0.6
crops = torch.stack([top, left, torch.rand(BATCH) * (1 - top), torch.rand(BATCH) * (1 - left)], 1)
torch.testing.assert_close(label_pool(maps, crops), published(maps, crops), atol=1e-5, rtol=0)

model = torchvision.models.resnet18()
images = torch.randn(BATCH, 3, 224, 224)


def step() -> None:
    torch.nn.functional.cross_entropy(model(images), label_pool(maps, crops)).backward()


contestants = {"published": lambda: published(maps, crops), "relabel-maps": lambda: label_pool(maps, crops)}
times: dict[str, list[float]] = {name: [] for name in [*contestants, "ResNet-18 step"]}
for number in range(ROUNDS):
    for name, contestant, calls in [
        *((name, contestant, CALLS) for name, contestant in contestants.items()),
        *([("ResNet-18 step", step, 1)] if number < 2 else []),
    ]:
        start = time.process_time()
        for _ in range(calls):
            contestant()
        times[name].append((time.process_time() - start) / calls)
medians = {name: statistics.median(values) for name, values in times.items()}
for name, seconds in medians.items():
    print(f"{name:16} {1e3 * seconds:9.2f} ms for {BATCH} crops")
print(f"published / relabel-maps: {medians['published'] / medians['relabel-maps']:.0f} times")
print(f"LabelPooling's share of a ResNet-18 step: {100 * medians['relabel-maps'] / medians['ResNet-18 step']:.2f} %")
