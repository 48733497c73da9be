from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_crops import HEIGHT, WIDTH, follows, places
from test_label_maps import images_of

from relabel_maps import Crop, LabelMaps

timm_data = pytest.importorskip("timm.data")

from relabel_maps.timm_train import MOVES, FollowedSteps, PooledMixup, main  # noqa: E402

SCRIPT = str(Path(__file__).parent / "training_script.py")


@pytest.mark.parametrize(
    "options",
    [
        ["--aa", "rand-m9-mstd0.5-inc1"],
        ["--aa", "v0", "--mixup", "0.2", "--workers", "2"],
        ["--cutmix", "1", "--no-prefetcher", "--no-aug"],
    ],
)
def test_timms_training_script_trains_on_label_maps(
    folder: Path, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    images_of(LabelMaps(folder), tmp_path / "photos" / "train")
    main([SCRIPT, "--label-maps", str(folder), "--data-dir", str(tmp_path / "photos"), *options])
    assert capsys.readouterr().out == "3 steps\n"
    assert timm_data.Mixup.__module__ == "timm.data.mixup"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--aa", "augmix-m5-w3"], "Cannot follow images through timm's AugMixAugment"),
        (["--aug-splits", "2"], "several sizes of images or augmentation splits"),
        (["--naflex-loader"], "Cannot train on label maps with NaFlex"),
    ],
)
def test_steps_of_timm_that_crops_cannot_follow_are_refused(
    folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    images_of(LabelMaps(folder), tmp_path)
    with pytest.raises(ValueError, match=message):
        main([SCRIPT, "--label-maps", str(folder), "--data-dir", str(tmp_path), *options])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere/train.py", "--label-maps", "x"], 'Cannot find "nowhere/train.py"'),
        ([SCRIPT, "--label-maps", "x", "--smoothing", "0.1"], "--smoothing is of targets with one class"),
    ],
)
def test_what_cannot_be_run_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["rand-m9-n3-mstd0.5", "original"])
def test_a_crop_follows_timms_transforms(policy: str) -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    composed = timm_data.create_transform(
        (HEIGHT, WIDTH), is_training=True, auto_augment=policy, interpolation="bilinear", vflip=0.5, scale=(0.4, 1), mean=(0, 0, 0)
    )
    automatic = next(step for step in composed.transforms if hasattr(step, "ops") or hasattr(step, "policy"))
    # Colours would not stay places: only the moves are looked at.
    if hasattr(automatic, "ops"):
        automatic.ops = [one for one in automatic.ops if one.name in MOVES]
    else:
        automatic.policy = [[one for one in steps if one.name in MOVES] for steps in automatic.policy]
    composed.transforms = composed.transforms[: composed.transforms.index(automatic) + 1]
    followed = FollowedSteps(composed)
    image = Image.fromarray((places().permute(1, 2, 0) * 255).to(torch.uint8).numpy())
    warped = 0
    for _ in range(12):
        picture, crop = followed(image, Crop.of(image))
        follows(torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255, crop, 0.07)
        warped += crop.warp[1] != 0 or crop.warp[2] != 0
    assert warped > 2


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
@pytest.mark.parametrize("alphas", [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_pooled_targets_are_mixed_as_timm_mixes_classes(mode: str, alphas: tuple[float, float]) -> None:
    labels, classes = torch.tensor([3, 0, 2, 2, 4, 1]), 5
    one_hot = torch.nn.functional.one_hot(labels, classes).float()
    options = {"mixup_alpha": alphas[0], "cutmix_alpha": alphas[1], "mode": mode, "label_smoothing": 0.0, "num_classes": classes}
    for seed in range(5):
        pictures = torch.rand(6, 3, 8, 8)
        np.random.seed(seed)
        images, targets = timm_data.Mixup(**options)(pictures.clone(), labels)
        np.random.seed(seed)
        found_images, found = PooledMixup(**{**options, "label_smoothing": 0.1, "num_classes": 9})(pictures.clone(), one_hot)
        assert torch.equal(found_images, images)
        torch.testing.assert_close(found, targets.to(found))
