"""What a training loop does with data and targets: workers, several processes, mixed precision, compiling."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from test_label_maps import TRANSFORM, images_of
from test_pooling import random_crops, random_maps
from torch.utils.data import DataLoader, DistributedSampler

from relabel_maps import LabelMapBatch, LabelMaps, RelabelDataset, label_pool


@pytest.fixture
def data(folder: Path, tmp_path: Path) -> RelabelDataset:
    maps = LabelMaps(folder, preload=False)
    images_of(maps, tmp_path / "images")
    return RelabelDataset(tmp_path / "images", maps, TRANSFORM)


def test_a_seed_gives_the_same_batches_however_workers_start(data: RelabelDataset) -> None:
    def batches(start: str) -> list[torch.Tensor]:
        seeded = torch.Generator().manual_seed(5)
        loader = DataLoader(
            data, 4, shuffle=True, collate_fn=data.collate, num_workers=1, multiprocessing_context=start, generator=seeded
        )
        return [value for images, crops, maps, _ in loader for value in (images, label_pool(maps, crops))]

    first, again, spawned = batches("fork"), batches("fork"), batches("spawn")
    assert len(first) == 6
    for one, other, third in zip(first, again, spawned, strict=True):
        assert torch.equal(one, other) and torch.equal(one, third)


def test_processes_share_the_images_out(data: RelabelDataset) -> None:
    seen = []
    for rank in range(3):
        sampler = DistributedSampler(data, num_replicas=3, rank=rank, seed=1)
        sampler.set_epoch(2)
        for _, _, maps, _ in DataLoader(data, 2, sampler=sampler, collate_fn=data.collate):
            seen += [tuple(score.flatten().tolist()) for score in maps.score]
    assert len(set(seen)) == len(seen) == len(data)


def test_mixed_precision_leaves_targets_as_they_are() -> None:
    maps, crops = random_maps(6, 9, 3, (7, 5)), random_crops(6)
    with torch.autocast("cpu", torch.bfloat16):
        targets = label_pool(maps, crops)
        loss = torch.nn.functional.cross_entropy(torch.nn.Linear(4, 9)(torch.rand(6, 4)), targets)
    assert targets.dtype == torch.float32 and torch.equal(targets, label_pool(maps, crops)) and loss.isfinite()


def test_pooling_compiles_to_one_graph_where_nothing_is_checked() -> None:
    maps, crops = random_maps(6, 9, 3, (7, 7)), random_crops(6)

    def pool(classes: torch.Tensor, score: torch.Tensor, crops: torch.Tensor) -> torch.Tensor:
        return label_pool(LabelMapBatch(classes, score, 9), crops, validate=False)

    compiled = torch.compile(pool, backend="eager", fullgraph=True)
    assert torch.equal(compiled(maps.classes, maps.score, crops), label_pool(maps, crops))


def test_scores_that_learn_get_gradients() -> None:
    maps, crops = random_maps(2, 9, 3, (7, 5)), random_crops(2)
    score = maps.score.requires_grad_()
    label_pool(LabelMapBatch(maps.classes, score, 9), crops)[:, 0].sum().backward()
    assert score.grad is not None and score.grad.abs().sum() > 0
