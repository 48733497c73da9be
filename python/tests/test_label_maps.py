from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import random_table
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from relabel_maps import LabelMaps, RandAugment, RelabelDataset, cutmix, label_pool, mixup


@pytest.mark.parametrize("preload", [True, False, None])
def test_rows_are_read_by_number_and_by_key(folder: Path, preload: bool | None) -> None:
    maps = LabelMaps(folder, preload=preload, cache_bytes=1)
    assert len(maps) == 12 and maps.metadata.grid == (5, 4) and maps.metadata.k == 3
    wanted = [random_table(7, seed=0), random_table(5, seed=1, first=7)]
    classes, scores = (torch.cat([part[column] for part in wanted]) for column in (1, 2))
    for row in (0, 11, 6, 7, 2):
        found = maps[row]
        assert torch.equal(found.classes, classes[row].int()) and torch.equal(found.score, scores[row])
        assert (found.key, found.label, found.width, found.height) == (
            maps.keys[row],
            maps.labels[row],
            40 + (row if row < 7 else row - 7),
            30,
        )
        assert maps.index_of(found.key) == row and found.key in maps and maps[found.key].key == found.key
    assert maps[-1].key == maps.keys[11] and maps.labels[1] is None
    batch = maps.batch([3, 9, 3])
    assert torch.equal(batch.classes, classes[[3, 9, 3]].int()) and torch.equal(batch.score, scores[[3, 9, 3]])
    assert sum(1 for _ in maps) == 12
    with pytest.raises(IndexError):
        maps[12]
    with pytest.raises(KeyError, match="nowhere.jpg"):
        maps["nowhere.jpg"]


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "fp8_e4m3", "fp8_e5m2"])
@pytest.mark.parametrize("container", ["parquet", "arrow"])
def test_scores_are_those_that_were_stored(tmp_path: Path, dtype: str, container: str) -> None:
    table, classes, stored = random_table(6, dtype=dtype)
    path = tmp_path / f"maps.{container}"
    if container == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=4)
    maps = LabelMaps(path)
    batch = maps.batch(range(6))
    assert torch.equal(batch.score.float(), stored.float()) and torch.equal(batch.classes, classes.int())
    taken = label_pool(batch, torch.tensor([[0.1, 0.2, 0.5, 0.5]] * 2), map_index=torch.tensor([4, 0]))
    torch.testing.assert_close(taken[0], label_pool(maps.batch([4]), torch.tensor([[0.1, 0.2, 0.5, 0.5]]))[0])


def test_maps_are_read_in_other_processes(folder: Path) -> None:
    maps = LabelMaps(folder, preload=False)
    maps.batch([0])
    copy = pickle.loads(pickle.dumps(maps))
    assert torch.equal(copy.batch([8]).score, maps.batch([8]).score)


def test_what_is_no_label_map_is_named(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    for source, error, message in (
        (tmp_path / "nowhere", FileNotFoundError, "no such file or folder"),
        (other, ValueError, "says nothing of label maps"),
    ):
        with pytest.raises(error, match=message):
            LabelMaps(source)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="no label maps"):
        LabelMaps(empty)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes((folder / "part-00000.parquet").read_bytes()[:200])
    with pytest.raises((pa.ArrowException, OSError), match="broken.parquet"):
        LabelMaps(broken)
    table, *_ = random_table(2, k=2)
    pq.write_table(table, folder / "part-00002.parquet")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["parts"].append({"part": 2, "file": "part-00002.parquet"})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="part-00002.parquet"):
        LabelMaps(folder)


def images_of(maps: LabelMaps, root: Path) -> None:
    for row, key in enumerate(maps.keys):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = maps.sizes[row]
        pixels = np.full((height, width, 3), row * 20, np.uint8)
        Image.fromarray(pixels).save(path)


TRANSFORM = v2.Compose(
    [
        v2.RandomResizedCrop(16, antialias=True),
        v2.RandomHorizontalFlip(),
        RandAugment(),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
    ]
)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_network_learns_from_pooled_targets(folder: Path, tmp_path: Path, workers: int) -> None:
    torch.manual_seed(0)
    maps = LabelMaps(folder)
    root = tmp_path / "images"
    images_of(maps, root)
    data = RelabelDataset(root, maps, TRANSFORM)
    loader = DataLoader(data, batch_size=5, shuffle=True, collate_fn=data.collate, num_workers=workers)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 11))
    seen = 0
    for images, crops, batch, labels in loader:
        targets = label_pool(batch, crops)
        assert targets.shape == (len(images), 11) and labels.min() >= -1
        torch.testing.assert_close(targets.sum(1), torch.ones(len(images)))
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        seen += len(images)
    assert seen == 12


def test_images_elsewhere_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is it the folder that was labelled"):
        RelabelDataset(tmp_path, LabelMaps(folder), TRANSFORM)


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_mixed_targets_are_mixed_as_the_pixels_are(mix) -> None:
    torch.manual_seed(1)
    shades = torch.arange(6) / 5
    images = shades[:, None, None, None].expand(6, 1, 32, 24)
    targets = torch.stack([1 - shades, shades], 1)
    for _ in range(20):
        mixed, both = mix(images, targets)
        torch.testing.assert_close(both[:, 1], mixed.mean((1, 2, 3)), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="alpha is 0"):
        mix(images, targets, 0)


def test_images_that_were_not_labelled_are_named(folder: Path, tmp_path: Path) -> None:
    maps = LabelMaps(folder)
    root = tmp_path / "images"
    images_of(maps, root)
    data = RelabelDataset(root, maps, TRANSFORM)
    width, height = maps.sizes[4]
    smaller = Image.new("RGB", (width // 2, height // 2))
    smaller.save(root / maps.keys[4])
    assert data[4].row == 4
    for size in ((height, width), (width - 4, height)):
        Image.new("RGB", size).save(root / maps.keys[4])
        with pytest.raises(ValueError, match=f"is of an image of {width} x {height} pixels, .* has {size[0]} x {size[1]}"):
            data[4]


@pytest.mark.parametrize(
    ("transform", "error", "message"),
    [
        (v2.RandAugment(), ValueError, "torchvision's RandAugment, which leaves crops behind: use relabel_maps.RandAugment"),
        (v2.Compose([v2.Identity(), v2.RandomApply([v2.AugMix()])]), ValueError, "AugMix, .* leave it out"),
        (lambda image: image, TypeError, r"expected a transform of torchvision.transforms.v2, called as transform\(image, crop\)"),
        (lambda image, crop: image.size, TypeError, "the transform gave int for the crop"),
        (lambda image, crop: (image.resize((9, 8)), crop), ValueError, "9 x 8 pixels now, its crop 40 x 30: a step moved the image"),
    ],
)
def test_a_transform_that_leaves_crops_behind_is_refused(
    folder: Path, tmp_path: Path, transform, error: type[Exception], message: str
) -> None:
    maps = LabelMaps(folder)
    images_of(maps, tmp_path / "images")
    with pytest.raises(error, match=message):
        RelabelDataset(tmp_path / "images", maps, transform)[0]
