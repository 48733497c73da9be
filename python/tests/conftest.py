"""Label maps of random content in the files' own form."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from loopback_hub import LoopbackHub

# Read when they are imported: what asks a hub asks one on loopback, and keeps nothing where a user's files are.
HUB = LoopbackHub()
os.environ.update(
    HF_ENDPOINT=HUB.url,
    HF_HOME=tempfile.mkdtemp(),
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
)
for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
    os.environ.pop(name, None)

from relabel_maps.label_maps import STORED

SCORE_TYPES = {"fp32": pa.float32(), "fp16": pa.float16(), "fp8_e4m3": pa.uint8(), "fp8_e5m2": pa.uint8()}


def random_table(rows: int, *, dtype: str = "fp32", k: int = 3, grid=(5, 4), classes: int = 11, seed: int = 0, first: int = 0):
    """Rows as ``relabel`` writes them, with its metadata."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, classes, *grid, generator=generator) * 4
    score, index = logits.topk(k, 1)
    stored = score.to(STORED[dtype][1])
    raw = stored.view(torch.uint8) if dtype.startswith("fp8") else stored
    length = k * grid[0] * grid[1]

    def lists(values: np.ndarray, kind: pa.DataType) -> pa.Array:
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * length)
        return pa.ListArray.from_arrays(offsets, pa.array(values, type=kind))

    metadata = {
        "version": 1,
        "annotator": {"name": "random"},
        "classes": classes,
        "k": k,
        "grid": list(grid),
        "dtype": dtype,
        "layout": "hw",
    }
    columns = {
        "key": pa.array([f"n{row % 3}/{first + row:04}.jpg" for row in range(rows)]),
        "label": pa.array([None if row == 1 else row % 3 for row in range(rows)], pa.int32()),
        "width": pa.array([40 + row for row in range(rows)], pa.int32()),
        "height": pa.array([30] * rows, pa.int32()),
        "class": lists(index.to(torch.int32).numpy().astype(np.uint16).ravel(), pa.uint16()),
        "score": lists(raw.numpy().ravel(), SCORE_TYPES[dtype]),
    }
    table = pa.table(columns).replace_schema_metadata({"relabel": json.dumps(metadata)})
    return table, index, stored


@pytest.fixture
def folder(tmp_path: Path):
    """Two files of 7 and 5 rows, in row groups of 3."""
    parts = []
    for part, (rows, first) in enumerate(((7, 0), (5, 7))):
        table, *_ = random_table(rows, seed=part, first=first)
        pq.write_table(table, tmp_path / f"part-{part:05}.parquet", row_group_size=3)
        parts.append({"part": part, "file": f"part-{part:05}.parquet"})
    (tmp_path / "manifest.json").write_text(json.dumps({"version": 1, "parts": parts}))
    return tmp_path


@pytest.fixture
def loopback_hub() -> LoopbackHub:
    return HUB
