"""The programs of the documents, as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from conftest import random_table
from test_label_maps import images_of

from relabel_maps import LabelMaps

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("document", ["README.md", "python/README.md", "docs/python.md"])
def test_programs_of_documents_pool_targets(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels").mkdir()
    pq.write_table(random_table(4)[0], tmp_path / "labels" / "part-00000.parquet")
    images_of(LabelMaps(tmp_path / "labels"), tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, torch.Tensor] = {}
    exec("".join(blocks), names)
    assert names["images"].shape == (4, 3, 224, 224) and names["targets"].shape == (4, 11)
    torch.testing.assert_close(names["targets"].sum(1).cpu(), torch.ones(4))
