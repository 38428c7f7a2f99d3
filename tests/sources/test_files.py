"""Compression, encodings, paths."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import zstandard

from trueup.errors import UserError
from trueup.sources import detect, expand, read

from .conftest import Load, loaded

RECORDS = [
    {"messages": [{"role": "user", "content": f"question {number} " + "x" * (number % 97)}]}
    for number in range(3000)
]
RAW = b"\n".join(map(orjson.dumps, RECORDS))
PROMPTS = [record["messages"][0]["content"] for record in RECORDS]
COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)
def test_compression_is_told_from_the_content(
    load: Load, compress: Callable[[bytes], bytes]
) -> None:
    got = load(by="chat", raw=compress(RAW), name="log.txt")
    assert not got.bad
    assert [row["prompt"] for row in got.interactions] == PROMPTS


@pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)
def test_members_one_after_the_other(load: Load, compress: Callable[[bytes], bytes]) -> None:
    half = len(RAW) // 2
    got = load(by="chat", raw=compress(RAW[:half]) + compress(RAW[half:]))
    assert [row["prompt"] for row in got.interactions] == PROMPTS


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_what_came_before_a_truncation_is_kept(load: Load, name: str) -> None:
    import random

    noise = random.Random(0)
    records = [
        {"messages": [{"role": "user", "content": noise.randbytes(200).hex()}]} for _ in range(9000)
    ]
    packed = COMPRESS[name](b"\n".join(map(orjson.dumps, records)))
    got = load(by="chat", raw=packed[: len(packed) // 2])
    assert 1000 < len(got.interactions) < 9000
    prompts = [row["prompt"] for row in got.interactions]
    assert prompts == [record["messages"][0]["content"] for record in records[: len(prompts)]]
    assert got.bad[-1].reason == "The compressed file ends in the middle of its data."
    assert len(got.bad) <= 2  # the cut line, and the sentence about the file


def test_damaged_compression(load: Load) -> None:
    packed = bytearray(gzip.compress(RAW))
    packed[len(packed) // 2] ^= 0xFF
    got = load(by="chat", raw=bytes(packed))
    assert got.bad
    assert "damaged" in got.bad[-1].reason or "Not valid JSON" in got.bad[0].reason


def test_a_compressed_file_with_nothing_readable(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(RAW)[:12])
    with pytest.raises(UserError, match="ends in the middle"):
        detect(path)


def test_compressed_csv(load: Load) -> None:
    got = load(by="flat", raw=gzip.compress(b"prompt,response\nq,a\n"), name="log.csv.gz")
    assert got.one["response"] == "a"


def test_progress_goes_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(RAW)
    seen: list[tuple[int, int]] = []
    batches = list(
        read(path, batch_size=500, progress=lambda done, total: seen.append((done, total)))
    )
    assert len(batches) == 6
    assert [batch.bytes_read for batch in batches] == sorted(batch.bytes_read for batch in batches)
    assert seen[-1] == (len(RAW), len(RAW))
    assert all(done <= total for done, total in seen)


def test_unreadable_paths_are_user_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "nothing.jsonl")
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UserError, match="Did you mean 'chat'"):
        read(_written(tmp_path / "a.jsonl"), format="chatt")
    with pytest.raises(UserError, match="does not go with --format chat"):
        read(tmp_path / "a.jsonl", format="chat", mapping="prompt=a")
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        read(tmp_path / "a.jsonl", batch_size=0)


def test_other_zips_and_damaged_parquet(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("log.jsonl", RAW)
    with pytest.raises(UserError, match="format of"):
        detect(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="not a readable zip"):
        detect(path)
    path.write_bytes(b"PAR1" + b"\0" * 100)
    with pytest.raises(UserError, match="not a readable Parquet file"):
        detect(path)


def _written(path: Path) -> Path:
    path.write_bytes(RAW)
    return path


def test_expand(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    names = ["b.jsonl", "a.csv.gz", "inner/c.parquet", ".hidden.jsonl", "readme.md"]
    for name in names:
        _written(tmp_path / name)
    found = [path.relative_to(tmp_path).as_posix() for path in expand([tmp_path])]
    assert found == ["a.csv.gz", "b.jsonl", "inner/c.parquet"]
    assert expand([tmp_path / "*.jsonl", tmp_path / "b.jsonl"]) == (tmp_path / "b.jsonl",)
    assert expand([tmp_path / "readme.md"]) == (tmp_path / "readme.md",)
    with pytest.raises(UserError, match="No file matches"):
        expand([tmp_path / "*.nope"])
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match="No log file below"):
        expand([tmp_path / "void"])


def test_the_format_may_be_named(tmp_path: Path) -> None:
    path = _written(tmp_path / "log.jsonl")
    assert len(loaded(list(read(path, format="chat"))).interactions) == len(RECORDS)
