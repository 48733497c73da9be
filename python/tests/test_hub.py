from __future__ import annotations

import json
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from conftest import random_table
from loopback_hub import LoopbackHub

from relabel_maps import LabelMaps


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks another host."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        assert not isinstance(address, tuple) or address[0] in ("127.0.0.1", "::1"), f"a test asked {address}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def hub(loopback_hub: LoopbackHub, only_loopback: None, tmp_path: Path) -> LoopbackHub:
    """A data set as it is published: files in ``data`` which the manifest names, and a card."""
    pytest.importorskip("huggingface_hub")
    root = tmp_path / "published"
    (root / "data").mkdir(parents=True)
    parts = []
    for part in range(3):
        name = f"data/train-{part:05}-of-00003.parquet"
        # Large enough that a footer is not all of it.
        table, *_ = random_table(400, seed=part, first=400 * part, grid=(15, 15))
        pq.write_table(table, root / name, row_group_size=100)
        parts.append({"part": part, "file": name})
    (root / "manifest.json").write_text(json.dumps({"version": 1, "parts": parts}))
    (root / "README.md").write_text("# Maps\n")
    loopback_hub.serve(root)
    return loopback_hub


@pytest.mark.parametrize("name", ["owner/maps", "hf:owner/maps", "hf:datasets/owner/maps@main"])
def test_maps_of_the_hub_are_those_of_the_folder(hub: LoopbackHub, name: str) -> None:
    here, there = LabelMaps(hub.root), LabelMaps(name)
    assert there.metadata == here.metadata and len(there) == len(here) == 1200
    assert there.keys == here.keys and there.labels == here.labels and there.sizes == here.sizes
    rows = [700, 3, 1199]
    for field in ("classes", "score"):
        assert torch.equal(getattr(there.batch(rows), field), getattr(here.batch(rows), field))


def test_what_is_not_asked_for_is_not_sent(hub: LoopbackHub) -> None:
    maps = LabelMaps("owner/maps")
    files = sorted(str(path.relative_to(hub.root)) for path in hub.root.glob("data/*"))
    sizes = [(hub.root / name).stat().st_size for name in files]
    assert "README.md" not in hub.sent
    assert all(hub.sent[name] < size / 3 for name, size in zip(files, sizes, strict=True)), (hub.sent, sizes)
    maps[450]
    assert hub.sent[files[1]] >= sizes[1] and hub.sent[files[0]] < sizes[0] / 3 and hub.sent[files[2]] < sizes[2] / 3
    sent = dict(hub.sent)
    copy = pickle.loads(pickle.dumps(maps))
    assert torch.equal(copy["n2/0450.jpg"].score, maps["n2/0450.jpg"].score)
    # The copy is of the commit, and its second file is in the cache.
    assert hub.sent[files[1]] - sent[files[1]] < sizes[1] / 3


def test_what_the_hub_does_not_have_is_said(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match='Cannot read "nobody/nothing": .* the hub has no such data set'):
        LabelMaps("nobody/nothing")
    with pytest.raises(FileNotFoundError, match="no such data set or revision"):
        LabelMaps("owner/maps@elsewhere")
    manifest = json.loads((hub.root / "manifest.json").read_text())
    manifest["parts"].append({"part": 3, "file": "data/lost.parquet"})
    (hub.root / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileNotFoundError, match='its manifest names "data/lost.parquet"'):
        LabelMaps("owner/maps")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'Cannot read "owner/maps": there is no such file or folder.*relabel-maps\[hub\]'):
        LabelMaps("owner/maps")
    # A folder of that name comes first.
    shutil.copytree(hub.root, tmp_path / "owner" / "maps")
    (tmp_path / "owner" / "maps" / "manifest.json").unlink()
    monkeypatch.chdir(tmp_path)
    assert len(LabelMaps("owner/maps")) == 1200


@pytest.fixture(scope="module")
def written_by_publish() -> Path:
    """What ``relabel publish --files-only`` writes of seven images."""
    if shutil.which("deno") is None:
        pytest.skip("deno, which publishes, is not there")
    program = 'import * as p from "./tests/pipeline/publish/published.ts"; console.log(await p.published(p.partsFolder()))'
    root = Path(__file__).parents[2]
    done = subprocess.run(["deno", "eval", "--no-check", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_a_published_folder_has_the_rows_that_datasets_loads(
    loopback_hub: LoopbackHub, only_loopback: None, written_by_publish: Path, tmp_path: Path, place: str
) -> None:
    datasets = pytest.importorskip("datasets")
    loopback_hub.serve(written_by_publish)
    source = "owner/maps" if place == "hub" else str(written_by_publish)
    loaded = datasets.load_dataset(source, split="train", cache_dir=str(tmp_path))
    maps = LabelMaps(source)
    assert len(loaded) == len(maps) == 7
    names = loaded.features["label"].names
    assert names[1] == "no" and len(names) == 8
    for row, map in zip(loaded, maps, strict=True):
        assert (row["key"], row["label"], row["width"], row["height"]) == (map.key, map.label, map.width, map.height)
        assert row["class"] == map.classes.flatten().tolist()
        stored = map.score if map.score.dtype.itemsize > 1 else map.score.view(torch.uint8)
        assert row["score"] == stored.flatten().tolist()
