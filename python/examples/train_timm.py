"""Trains a timm network on label maps: python train_timm.py IMAGES LABELS --model resnet50 --epochs 300."""

import argparse

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.optim import create_optimizer_v2
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from relabel_maps import LabelMaps, RandAugment, RelabelDataset, cutmix, label_pool

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("images", help="folder of images that was labelled")
parser.add_argument("labels", help="label maps: a folder, a file, or hf:owner/name")
parser.add_argument("--model", default="resnet50")
parser.add_argument("--epochs", type=int, default=300)
parser.add_argument("--batch", type=int, default=1024)
parser.add_argument("--size", type=int, default=224)
parser.add_argument("--rate", type=float, default=0.4)
parser.add_argument("--cutmix", type=float, default=0.0, help="Beta's parameter, 0 for none")
parser.add_argument("--workers", type=int, default=8)
parser.add_argument("--output", default="model.pth")
options = parser.parse_args()

device = "cuda" if torch.cuda.is_available() else "cpu"
maps = LabelMaps(options.labels)
transform = v2.Compose([
    v2.RandomResizedCrop(options.size, antialias=True), v2.RandomHorizontalFlip(), RandAugment(),
    v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD),
])  # fmt: skip
data = RelabelDataset(options.images, maps, transform)
loader = DataLoader(data, options.batch, shuffle=True, num_workers=options.workers, collate_fn=data.collate, pin_memory=True)
model = timm.create_model(options.model, num_classes=maps.metadata.classes).to(device)
optimizer = create_optimizer_v2(model, opt="sgd", lr=options.rate, momentum=0.9, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, total_steps=options.epochs * len(loader))
for epoch in range(options.epochs):
    for images, crops, batch, _ in loader:
        images = images.to(device, non_blocking=True)
        targets = label_pool(batch.to(device, non_blocking=True), crops.to(device, non_blocking=True))
        if options.cutmix:
            images, targets = cutmix(images, targets, options.cutmix)
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    print(f"epoch {epoch + 1} of {options.epochs}, loss {loss.item():.4f}", flush=True)
    torch.save(model.state_dict(), options.output)
