"""Label maps as ``relabel`` writes them: a folder of Parquet or Arrow files, one of them, or a data set of the hub."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from .hub import HubFile, hub_files
from .pooling import LabelMapBatch, Scores

# What scores are stored in, and what they are in PyTorch.
STORED: Mapping[str, tuple[Any, torch.dtype]] = {
    "fp32": (np.float32, torch.float32),
    "fp16": (np.float16, torch.float16),
    "fp8_e4m3": (np.uint8, torch.float8_e4m3fn),
    "fp8_e5m2": (np.uint8, torch.float8_e5m2),
}

KINDS = ("softmax", "sigmoid", "presence")

SUFFIXES = (".parquet", ".arrow")


@dataclass(frozen=True)
class Metadata:
    """What the maps of a folder have in common.

    Attributes:
        classes: Number of classes C that the annotator tells apart.
        k: Classes kept in each cell.
        grid: Cells, ``(H, W)``.
        dtype: How scores are stored: ``fp32``, ``fp16``, ``fp8_e4m3`` or ``fp8_e5m2``.
        scores: What they are: ``softmax``, ``sigmoid`` or ``presence``.
        floor: The logit of classes that a cell lacks, in ``sigmoid`` maps that do not hold all classes.
        entries: All of the metadata, the annotator among it.
    """

    classes: int
    k: int
    grid: tuple[int, int]
    dtype: str
    scores: Scores
    floor: float | None
    entries: Mapping[str, Any]

    @classmethod
    def of(cls, schema: pa.Schema, path: Path | HubFile) -> Metadata:
        """The metadata of a file."""
        text = (schema.metadata or {}).get(b"relabel")
        if text is None:
            raise ValueError(f'Cannot read "{path}": it says nothing of label maps (no metadata entry "relabel")')
        entries = json.loads(text)
        if entries.get("kind") is not None:
            raise ValueError(f'Cannot read "{path}": it holds {entries["kind"]!r}, expected label maps')
        if entries.get("version") != 1:
            raise ValueError(f'Cannot read "{path}": its version is {entries.get("version")!r}, expected 1')
        scores = entries.get("scores", "softmax")
        if entries.get("dtype") not in STORED or scores not in KINDS:
            raise ValueError(f'Cannot read "{path}": dtype {entries.get("dtype")!r} and scores {scores!r} are unknown here')
        height, width = entries["grid"]
        return cls(entries["classes"], entries["k"], (height, width), entries["dtype"], scores, entries.get("floor"), entries)

    @property
    def is_turned(self) -> bool:
        """Whether images were turned as their EXIF orientation says before they were labelled."""
        return self.entries.get("exifOrientation") is True


@dataclass(frozen=True)
class LabelMap:
    """The label map of one image.

    Attributes:
        key: The image's path under its root, with ``/``.
        label: The data set's own class, ``None`` if unknown.
        width: Width of the image, pixels.
        height: Height of the image, pixels.
        classes: Class indices ``[k, H, W]``, int32; rank 0 is the class with the highest score.
        score: Their scores in the same order, as stored.
    """

    key: str
    label: int | None
    width: int
    height: int
    classes: Tensor
    score: Tensor


Block = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


class LabelMaps(Sequence[LabelMap]):
    """Label maps, read as they are asked for.

    Row groups (256 maps of 15 x 15 cells with k = 5) are decoded as a whole, and the latest ``cache_bytes`` of them kept:
    rows in order cost little, rows at random the more the larger the data set is. ``preload`` holds all classes and scores,
    which makes every row alike; workers that are forked share them. An Arrow folder (``convert LABELS FAST --to arrow``) is
    mapped into memory instead, and needs neither.

    Args:
        source: A folder, a file, or a data set of the Hugging Face Hub (with ``huggingface_hub``): ``owner/name``,
            ``hf:owner/name``, ``owner/name@revision``. Of its files the ends are read and the columns that are asked for;
            those whose maps are asked for are kept in the hub's cache.
        preload: Whether to hold all; default: if it is on this machine and no more than a gigabyte.
        cache_bytes: What else is kept of decoded row groups, at most.

    Raises:
        FileNotFoundError: If there is nothing there.
        ImportError: If ``source`` is of the hub and ``huggingface_hub`` is not installed.
        ValueError: If a file is not of label maps, or of others than the first.
    """

    def __init__(self, source: str | Path, *, preload: bool | None = None, cache_bytes: int = 64 * 2**20) -> None:
        self.source = str(source)
        online = hub_files(source) if isinstance(source, str) else None
        self._parts = [_Part(file) for file in (_part_files(Path(source)) if online is None else _hub_parts(self.source, online))]
        self.metadata = self._parts[0].metadata
        for part in self._parts[1:]:
            if part.metadata != self.metadata:
                raise ValueError(f'Cannot read "{part.file}": it is of other maps than "{self._parts[0].file}"')
        self._starts: list[int] = []
        self._blocks: list[tuple[int, int]] = []
        rows = 0
        self._part_starts: list[int] = []
        for number, part in enumerate(self._parts):
            self._part_starts.append(rows)
            for block, length in enumerate(part.block_rows):
                self._starts.append(rows)
                self._blocks.append((number, block))
                rows += length
        self._rows = rows
        self._cache: OrderedDict[int, Block] = OrderedDict()
        self._cached = 0
        self._cache_bytes = cache_bytes
        self._all: Block | None = None
        bytes_of_all = rows * self._map_length * (np.dtype(self._stored).itemsize + (2 if self.metadata.classes < 65536 else 4))
        mapped = all(part.is_mapped for part in self._parts)
        if preload or (preload is None and online is None and not mapped and bytes_of_all <= 2**30):
            self._all = self._read_all()

    @property
    def _stored(self) -> Any:
        return STORED[self.metadata.dtype][0]

    @property
    def _map_length(self) -> int:
        height, width = self.metadata.grid
        return self.metadata.k * height * width

    def _read_all(self) -> Block:
        blocks = [self._parts[part].read(block) for part, block in self._blocks]
        if not blocks:
            return np.empty(0, np.uint16), np.empty(0, self._stored)
        classes, score = (np.concatenate([block[column] for block in blocks]) for column in (0, 1))
        return classes, score

    def _column(self, name: str) -> list[Any]:
        return [value for part in self._parts for value in part.column(name)]

    @cached_property
    def keys(self) -> list[str]:
        """The keys of all images: their paths under the root."""
        return self._column("key")

    @cached_property
    def labels(self) -> list[int | None]:
        """The data set's own classes, ``None`` where they are unknown."""
        return self._column("label")

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of the images, pixels."""
        return list(zip(self._column("width"), self._column("height"), strict=True))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    def index_of(self, key: str) -> int:
        """The row of an image.

        Raises:
            KeyError: If there is none.
        """
        try:
            return self._index[key]
        except KeyError:
            raise KeyError(f'Cannot find "{key}" among the {len(self)} label maps of "{self.source}"') from None

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int | str) -> LabelMap:  # type: ignore[override]
        """The map of a row, or of a key."""
        index = self.index_of(row) if isinstance(row, str) else range(self._rows)[row]
        classes, score = self._map(index)
        number = bisect_right(self._part_starts, index) - 1
        # Of its own file alone: others may be on the hub still.
        key, label, width, height = (
            self._parts[number].column(name)[index - self._part_starts[number]] for name in ("key", "label", "width", "height")
        )
        return LabelMap(key, label, width, height, _classes(classes), _score(score.copy(), self.metadata))

    def __iter__(self) -> Iterator[LabelMap]:
        return (self[row] for row in range(len(self)))

    def batch(self, rows: Sequence[int] | Tensor) -> LabelMapBatch:
        """Maps of some rows, for :func:`label_pool`."""
        index = np.asarray(rows, np.int64)
        if len(index) and not -self._rows <= index.min() <= index.max() < self._rows:
            raise IndexError(f"Cannot read rows {index.min()} to {index.max()} of {self._rows} label maps")
        index = np.where(index < 0, index + self._rows, index)
        if self._all is None:
            maps = [self._map(row) for row in index.tolist()]
            columns = [np.concatenate([one[column] for one in maps]) for column in (0, 1)]
        else:
            columns = [column.reshape(self._rows, self._map_length)[index] for column in self._all]
        shape = (len(index), self.metadata.k, *self.metadata.grid)
        classes, score = (column.reshape(shape) for column in columns)
        return self.collate_maps(_classes(classes), _score(score, self.metadata))

    def collate_maps(self, classes: Tensor, score: Tensor) -> LabelMapBatch:
        """A batch of arrays ``[N, k, H, W]`` of these maps."""
        return LabelMapBatch(classes, score, self.metadata.classes, self.metadata.scores, self.metadata.floor)

    def _map(self, row: int) -> Block:
        """Classes and scores of a row, ``[k, H, W]``."""
        block_number = bisect_right(self._starts, row) - 1
        start = row
        if self._all is None:
            classes, score = self._block(block_number)
            start -= self._starts[block_number]
        else:
            classes, score = self._all
        length = self._map_length
        part = slice(start * length, (start + 1) * length)
        shape = (self.metadata.k, *self.metadata.grid)
        return classes[part].reshape(shape), score[part].reshape(shape)

    def _block(self, number: int) -> Block:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        part, block = self._blocks[number]
        values = self._parts[part].read(block)
        self._cache[number] = values
        self._cached += sum(value.nbytes for value in values)
        while self._cached > self._cache_bytes and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached -= sum(value.nbytes for value in dropped)
        return values

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": OrderedDict(), "_cached": 0}


def _classes(values: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.int32))


def _score(values: np.ndarray[Any, Any], metadata: Metadata) -> Tensor:
    return torch.from_numpy(values).view(STORED[metadata.dtype][1])


def _part_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FileNotFoundError(f'Cannot read "{source}": there is no such file or folder')
    manifests = sorted(source.glob("manifest*.json"))
    names = (str(path.relative_to(source)) for suffix in SUFFIXES for path in source.glob(f"**/*{suffix}"))
    return [source / name for name in _part_names(str(source), manifests, names)]


def _hub_parts(source: str, files: Sequence[HubFile]) -> list[HubFile]:
    by_name = {file.name: file for file in files}
    manifests = [file.download() for name, file in sorted(by_name.items()) if fnmatchcase(name, "manifest*.json")]
    names = _part_names(source, manifests, (name for name, file in by_name.items() if file.suffix in SUFFIXES))
    for name in names:
        if name not in by_name:
            raise FileNotFoundError(f'Cannot read "{source}": its manifest names "{name}", which is not there')
    return [by_name[name] for name in names]


def _part_names(source: str, manifests: Sequence[Path], others: Iterable[str]) -> list[str]:
    """The files that manifests name, or all where they name none."""
    names: list[str] = [part["file"] for manifest in manifests for part in json.loads(manifest.read_text())["parts"]]
    names = sorted(set(names or others))
    if not names:
        raise FileNotFoundError(f'Cannot read "{source}": there are no label maps in it')
    return names


class _Part:
    """A Parquet file or an Arrow IPC file, open while it is read; one of the hub becomes one of this machine when maps are."""

    def __init__(self, file: Path | HubFile) -> None:
        self.file = file
        self._open()

    def _open(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        try:
            self._open_file()
        except (pa.ArrowException, OSError) as error:
            raise _named(error, self.file) from error

    def _open_file(self) -> None:
        self.is_mapped = self.file.suffix == ".arrow"
        self._parquet = self._arrow = None
        if self.is_mapped:
            self._keep()
            self._arrow = pa.ipc.open_file(pa.memory_map(str(self.file)))
            schema = self._arrow.schema
            batches = range(self._arrow.num_record_batches)
            self.block_rows = [self._arrow.get_batch(number).num_rows for number in batches]
        else:
            self._parquet = pq.ParquetFile(self.file.open() if isinstance(self.file, HubFile) else self.file, pre_buffer=True)
            schema = self._parquet.schema_arrow
            groups = range(self._parquet.num_row_groups)
            self.block_rows = [self._parquet.metadata.row_group(number).num_rows for number in groups]
        self.metadata = Metadata.of(schema, self.file)

    def _keep(self) -> bool:
        """Has the file on this machine; whether that is new."""
        if not isinstance(self.file, HubFile):
            return False
        self.file = self.file.download()
        return True

    def column(self, name: str) -> list[Any]:
        """All values of a column, which are kept."""
        if name not in self._columns:
            if self._parquet is not None:
                arrays = [self._parquet.read(columns=[name]).column(0)]
            else:
                assert self._arrow is not None
                arrays = [self._arrow.get_batch(number)[name] for number in range(len(self.block_rows))]
            self._columns[name] = [value for array in arrays for value in array.to_pylist()]
        return self._columns[name]

    def read(self, block: int) -> Block:
        """Classes and scores of a row group, one map after the other."""
        if self._keep():
            self._open()
        try:
            if self._parquet is not None:
                table = self._parquet.read_row_group(block, columns=["class", "score"]).combine_chunks()
                columns = [table[name].combine_chunks() for name in ("class", "score")]
            else:
                assert self._arrow is not None
                batch = self._arrow.get_batch(block)
                columns = [batch["class"], batch["score"]]
        except (pa.ArrowException, OSError) as error:
            raise _named(error, self.file) from error
        arrays = [column.chunk(0) if isinstance(column, pa.ChunkedArray) else column for column in columns]
        classes, score = (array.flatten().to_numpy(zero_copy_only=True) for array in arrays)
        height, width = self.metadata.grid
        length = self.block_rows[block] * self.metadata.k * height * width
        if len(classes) != length or len(score) != length:
            raise ValueError(f'Cannot read "{self.file}": a map has not {self.metadata.k} x {height} x {width} values')
        return classes, score

    def __getstate__(self) -> Path | HubFile:
        return self.file

    def __setstate__(self, file: Path | HubFile) -> None:
        self.file = file
        self._open()


def _named(error: Exception, file: Path | HubFile) -> Exception:
    """An error that says of which file it is."""
    text = str(error)
    return error if text.startswith("Cannot read") else type(error)(f'Cannot read "{file}": {text}')
