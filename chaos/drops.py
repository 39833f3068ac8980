"""What may befall the file of a feed on its way: cut, doubled, reordered. And how many rows one holds."""

import csv
import gzip
import io
import shutil
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq


def rows_in(file: Path) -> int:
    """How many rows a whole file holds, its header aside."""
    if file.name.endswith(".parquet"):
        return int(pq.ParquetFile(file).metadata.num_rows)
    text = _unpacked(file).decode(errors="replace")
    if ".csv" in file.name:
        return max(0, sum(1 for row in csv.reader(io.StringIO(text)) if row) - 1)
    return sum(1 for line in text.split("\n") if line.strip())


def cut(file: Path, rng: Random) -> str:
    """Leaves the first bytes; says how many."""
    content = file.read_bytes()
    kept = rng.randrange(1, len(content))
    file.write_bytes(content[:kept])
    return f"{file.name} cut to {kept} of {len(content)} bytes"


def doubled(file: Path, rng: Random) -> str:
    """Every row twice: within the file, or as a second file beside it."""
    if rng.random() < 0.5:
        again = file.with_name(f"again-{file.name}")
        shutil.copy(file, again)
        return f"{file.name} came as {again.name} too"
    rows = _rows(file)
    _write(file, rows + rows)
    return f"{len(rows)} rows of {file.name} doubled"


def reordered(file: Path, rng: Random) -> str:
    """The same rows in another order."""
    rows = _rows(file)
    rng.shuffle(rows)
    _write(file, rows)
    return f"{len(rows)} rows of {file.name} reordered"


def _rows(file: Path) -> list:
    if file.name.endswith(".parquet"):
        table = pq.read_table(file)
        return [table.slice(number, 1) for number in range(table.num_rows)]
    lines = _unpacked(file).decode().splitlines(keepends=True)
    return _records(lines[1:]) if ".csv" in file.name else lines


def _records(lines: list[str]) -> list[str]:
    """Lines of CSV, those together of which one value spans several."""
    records: list[str] = []
    is_open = False
    for line in lines:
        if is_open:
            records[-1] += line
        else:
            records.append(line)
        is_open ^= line.count('"') % 2 == 1
    return records


def _write(file: Path, rows: list) -> None:
    if file.name.endswith(".parquet"):
        pq.write_table(pa.concat_tables(rows), file)
        return
    header = _unpacked(file).decode().splitlines(keepends=True)[:1] if ".csv" in file.name else []
    content = "".join([*header, *rows]).encode()
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def _unpacked(file: Path) -> bytes:
    content = file.read_bytes()
    return gzip.decompress(content) if file.suffix == ".gz" else content
