"""Label maps of ``relabel`` in PyTorch: read them, pool the target of any crop, train.

A label map says for each cell of an image which classes it shows. LabelPooling ("Re-labeling ImageNet", Yun et al., 2021,
section 3.2) makes of it the target of a random crop: RoIAlign of the map, then softmax.
"""

from .crops import AutoAugment, Crop, RandAugment, RandomResizedCropWithBox, TrivialAugmentWide
from .dataset import RelabelDataset, Sample, collate
from .label_maps import LabelMap, LabelMaps, Metadata
from .mixing import cutmix, mixup
from .pooling import LabelMapBatch, label_pool

__all__ = [
    "AutoAugment",
    "Crop",
    "LabelMap",
    "LabelMapBatch",
    "LabelMaps",
    "Metadata",
    "RandAugment",
    "RandomResizedCropWithBox",
    "RelabelDataset",
    "Sample",
    "TrivialAugmentWide",
    "collate",
    "cutmix",
    "label_pool",
    "mixup",
]
