from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import roi_align

from relabel_maps import LabelMapBatch, label_pool
from relabel_maps.pooling import _cell_weights

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    import json

    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    kinds = {"F32": np.float32, "I64": np.int64, "I32": np.int32, "U16": np.uint16, "F64": np.float64}
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.astype(np.int64) if array.dtype == np.uint16 else array.copy())
    return tensors


@pytest.mark.parametrize(("name", "classes"), [("imagenet", 1000), ("small", 12)])
def test_targets_are_those_of_the_reference_values(name: str, classes: int) -> None:
    all_values = read_safetensors(FIXTURES / "label_pooling.safetensors")
    values = {key.removeprefix(f"{name}."): value for key, value in all_values.items() if key.startswith(f"{name}.")}
    maps = LabelMapBatch(values["index"], values["score"], classes)
    for mode, wanted in (
        ("local-multi", "target.hw"),
        ("local-single", "target.local_single"),
        ("global-multi", "target.global_multi"),
        ("global-single", "target.global_single"),
    ):
        found = label_pool(maps, values["crop"], mode=mode)
        torch.testing.assert_close(found, values[wanted].to(found), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["sigmoid", "presence"])
def test_targets_of_independent_classes_are_those_of_the_reference_values(kind: str) -> None:
    values = read_safetensors(FIXTURES / "independent_pooling.safetensors")
    floor = float(values["floor"]) if kind == "sigmoid" else None
    maps = LabelMapBatch(values[f"{kind}.index"], values[f"{kind}.score"], 13, kind, floor)
    for mode in ("local-multi", "local-single", "global-multi", "global-single"):
        wanted = values[f"{kind}.{mode.replace('-', '_')}"]
        torch.testing.assert_close(label_pool(maps, values["crop"], mode=mode), wanted, atol=1e-6, rtol=0)
    if kind == "sigmoid":
        halved = label_pool(maps, values["crop"], temperature=2)
        torch.testing.assert_close(halved, values["sigmoid.halved"], atol=1e-6, rtol=0)


def random_maps(count: int, classes: int, k: int, grid: tuple[int, int], dtype: torch.dtype = torch.float32):
    logits = torch.randn(count, classes, *grid) * 3
    score, index = logits.topk(k, 1)
    return LabelMapBatch(index.int(), score.to(dtype), classes)


def random_crops(count: int) -> torch.Tensor:
    top, left = torch.rand(count) * 0.8, torch.rand(count) * 0.8
    return torch.stack([top, left, torch.rand(count) * (1 - top), torch.rand(count) * (1 - left)], 1)


def dense(maps: LabelMapBatch) -> torch.Tensor:
    """The tensor of all classes, as the published code builds it."""
    count, _, height, width = maps.classes.shape
    return torch.zeros(count, maps.class_count, height, width).scatter(1, maps.classes.long(), maps.score.float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("bins", [(1, 1), (3, 2)])
def test_random_crops_are_pooled_as_roi_align_pools_the_dense_tensor(dtype: torch.dtype, bins: tuple[int, int]) -> None:
    torch.manual_seed(3)
    grid, count = (15, 11), 5000 if bins == (1, 1) else 500
    maps = random_maps(23, 40, 4, grid, dtype)
    crops, owner = random_crops(count), torch.randint(23, (count,))
    top, left, height, width = crops.double().unbind(1)
    edges = [left * grid[1], top * grid[0], (left + width) * grid[1], (top + height) * grid[0]]
    # roi_align takes corners: a box one rounding over a whole number of cells has a sample more than its length says.
    whole = ((height * grid[0] / bins[0] % 1 - 0.5).abs() < 0.4999) & ((width * grid[1] / bins[1] % 1 - 0.5).abs() < 0.4999)
    boxes = torch.stack([owner.double(), *(edge - 0.5 for edge in edges)], 1)
    pooled = roi_align(dense(maps).double(), boxes, bins, aligned=False)
    wanted = pooled.softmax(1).permute(0, 2, 3, 1).float()
    found = label_pool(maps, crops, map_index=owner, output_size=bins)
    found = found[:, None, None] if bins == (1, 1) else found
    torch.testing.assert_close(found[whole], wanted[whole], atol=1e-6, rtol=0)
    assert whole.sum() > 0.95 * count


def test_a_flip_moves_bins_and_leaves_one_bin_as_it_is() -> None:
    maps, crops = random_maps(6, 9, 3, (7, 5)), random_crops(6)
    flipped = torch.stack([torch.nn.functional.pad(crops, (0, 2)), torch.tensor([-1.0, 0, 1, 0, 1, 0]).expand(6, 6)], 1)
    torch.testing.assert_close(label_pool(maps, flipped), label_pool(maps, crops))
    bins = label_pool(maps, flipped, output_size=(2, 3))
    torch.testing.assert_close(bins, label_pool(maps, crops, output_size=(2, 3)).flip(2))


def test_a_picture_turned_by_a_half_has_its_bins_in_the_other_order() -> None:
    maps, crops = random_maps(6, 9, 3, (7, 5)), random_crops(6)
    turned = torch.stack([torch.nn.functional.pad(crops, (0, 2)), torch.tensor([-1.0, 0, 1, 0, -1, 1]).expand(6, 6)], 1)
    bins = label_pool(maps, turned, output_size=2)
    torch.testing.assert_close(bins, label_pool(maps, crops, output_size=2).flip(1, 2))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_crops_that_nothing_turned_are_sampled_alike_either_way(interpolation: str) -> None:
    torch.manual_seed(5)
    box = torch.nn.functional.pad(random_crops(300), (0, 2))
    flip = torch.stack([torch.rand(300) * 3 - 1.5, torch.zeros(300), torch.rand(300)], 1)
    warp = torch.cat([flip, flip.roll(1, 0)[:, [1, 0, 2]]], 1)
    frame = torch.tensor([0.8, 0, 0.1, 0, 1.1, -0.2]).expand(300, 6)
    crops = torch.stack([box, warp, frame], 1).double()
    one, other = (_cell_weights(crops, (7, 11), (2, 3), interpolation, upright) for upright in (True, False))
    torch.testing.assert_close(one, other)
    assert one.sum(2).min() == 0 and (one.sum(2) - 1).abs().min() < 1e-12


def test_what_a_warp_moves_out_of_the_picture_knows_nothing() -> None:
    maps = random_maps(1, 9, 3, (7, 5))
    away = torch.tensor([[[0.0, 0, 1, 1, 0, 0], [1, 0, 5, 0, 1, 0]]])
    torch.testing.assert_close(label_pool(maps, away), torch.full((1, 9), 1 / 9))
    for kind, floor in (("sigmoid", -3.0), ("presence", None)):
        independent = LabelMapBatch(maps.classes, maps.score.sigmoid(), 9, kind, floor)
        assert label_pool(independent, away).sum() == 0


@pytest.mark.parametrize("missing", ["uniform", "renormalise"])
def test_probabilities_of_cells_are_averaged(missing: str) -> None:
    maps = random_maps(2, 9, 3, (7, 5))
    found = label_pool(maps, torch.tensor([[0.0, 0, 1, 1]] * 2), missing=missing)
    logits = dense(maps)
    held = torch.zeros_like(logits).scatter(1, maps.classes.long(), 1.0) > 0
    if missing == "renormalise":
        logits = logits.masked_fill(~held, -torch.inf)
    ends = torch.tensor([[0.0, 0, 1, 1]] * 2)
    weights = label_pool(LabelMapBatch(maps.classes, logits.gather(1, maps.classes.long()), 9), ends)
    assert weights.shape == found.shape
    torch.testing.assert_close(found.sum(1), torch.ones(2))
    boxes = torch.tensor([[i, -0.5, -0.5, 4.5, 6.5] for i in range(2)])
    wanted = roi_align(logits.softmax(1), boxes, 1, aligned=False)[:, :, 0, 0]
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("crops", "options", "message"),
    [
        ([[0.5, 0, 0.6, 1]], {}, "not a part of the image"),
        ([[0, 0, float("nan"), 1]], {}, "not a part of the image"),
        ([[0, 0, 1, 1]], {"mode": "local"}, "mode is 'local'"),
        ([[0, 0, 1, 1]], {"temperature": 0}, "temperature is 0"),
        ([[0, 0, 1]], {}, r"crops are \[1, 3\]"),
        ([[0, 0, 1, 1]] * 2, {}, "2 crops of 1 maps"),
    ],
)
def test_what_cannot_be_pooled_is_refused(crops: list[list[float]], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_pool(random_maps(1, 9, 3, (7, 5)), torch.tensor(crops), **options)


def test_classes_beyond_the_annotators_are_refused() -> None:
    maps = random_maps(1, 9, 3, (7, 5))
    with pytest.raises(ValueError, match="expected less than 3"):
        label_pool(LabelMapBatch(maps.classes, maps.score, 3), torch.tensor([[0.0, 0, 1, 1]]))


def test_independent_classes_share_nothing() -> None:
    maps = random_maps(1, 9, 3, (7, 5))
    presence = LabelMapBatch(maps.classes, maps.score.sigmoid(), 9, "presence")
    for options, message in (({"missing": "uniform"}, "independent"), ({"temperature": 2}, "probabilities")):
        with pytest.raises(ValueError, match=message):
            label_pool(presence, torch.tensor([[0.0, 0, 1, 1]]), **options)
