"""What timm's train.py does with data and targets, call for call (timm 1.0, its lines 649 to 1300), and no more."""

from __future__ import annotations

import argparse

import timm
import torch
from timm.data import FastCollateMixup, Mixup, create_dataset, create_loader, create_naflex_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy

parser = argparse.ArgumentParser()
parser.add_argument("--data-dir")
parser.add_argument("--train-split", default="train")
parser.add_argument("--model", default="test_convnext")
parser.add_argument("--num-classes", type=int)
parser.add_argument("--smoothing", type=float, default=0.1)
parser.add_argument("--mixup", type=float, default=0.0)
parser.add_argument("--cutmix", type=float, default=0.0)
parser.add_argument("--aa")
parser.add_argument("--workers", type=int, default=0)
parser.add_argument("--no-prefetcher", action="store_true")
parser.add_argument("--no-aug", action="store_true")
parser.add_argument("--naflex-loader", action="store_true")
parser.add_argument("--aug-splits", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(0)
model = timm.create_model(args.model, num_classes=args.num_classes)
config = resolve_data_config(vars(args), model=model)
dataset = create_dataset("", root=args.data_dir, split=args.train_split, is_training=True, class_map="", seed=0)
mixup_active, mixup_fn, collate_fn = args.mixup > 0 or args.cutmix > 0, None, None
if mixup_active:
    options = dict(mixup_alpha=args.mixup, cutmix_alpha=args.cutmix, label_smoothing=args.smoothing, num_classes=args.num_classes)
    if args.no_prefetcher:
        mixup_fn = Mixup(**options)
    else:
        collate_fn = FastCollateMixup(**options)
if args.naflex_loader:
    create_naflex_loader(dataset=dataset, batch_size=4, is_training=True)
loader = create_loader(
    dataset,
    input_size=(3, 32, 32),
    batch_size=4,
    is_training=True,
    no_aug=args.no_aug,
    auto_augment=args.aa,
    num_aug_splits=args.aug_splits,
    collate_fn=collate_fn,
    mean=config["mean"],
    std=config["std"],
    num_workers=args.workers,
    device=torch.device("cpu"),
    use_prefetcher=not args.no_prefetcher,
    re_prob=0.25,
)
if mixup_active:
    loss_fn = SoftTargetCrossEntropy()
elif args.smoothing:
    loss_fn = LabelSmoothingCrossEntropy(args.smoothing)
else:
    loss_fn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), 0.01)
steps = 0
for images, targets in loader:
    if mixup_fn is not None:
        images, targets = mixup_fn(images, targets)
    assert images.shape == (4, 3, 32, 32) and targets.shape == (4, args.num_classes), (images.shape, targets.shape)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))
    loss = loss_fn(model(images), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    steps += 1
print(f"{steps} steps")
