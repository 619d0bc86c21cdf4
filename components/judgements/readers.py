"""Read judgements from what people have: ESCI's release, or one CSV, JSONL or Parquet file with columns named."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from components import storage

REQUIRED = ("query", "title", "label")
OPTIONAL = ("query_id", "item_id", "locale", "query_class", "brand", "category", "attributes", "split", "mismatch")
NUMBERS = ("price", "rating")
NAMES = (*REQUIRED, *OPTIONAL, *NUMBERS)
ESCI_EXAMPLES = ("query", "query_id", "product_id", "product_locale", "esci_label", "split")
ESCI_PRODUCTS = ("product_id", "product_locale", "product_title", "product_brand", "product_color")
Row = tuple[str, int, dict | str]  # file, line from 1, the row by our names; or why it cannot be read


def localise(source: str, folder: Path) -> Path:
    """The local path of a source; one on S3 is downloaded to `folder`, and a single file is named itself."""
    if not source.startswith("s3://"):
        return Path(source)
    storage.get_folder(urlsplit(source).path.strip("/"), folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return files[0] if len(files) == 1 else folder


def named_columns(text: str) -> dict[str, str]:
    """Read "query=q,title=name" into our name -> their name.

    Raises:
        ValueError: a part without "=", or a name that is not one of ours.
    """
    columns = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = part.partition("=")
        if not equals or not theirs or ours not in NAMES:
            raise ValueError(f"column {part!r}: write OUR_NAME=THEIR_NAME, ours being one of {', '.join(NAMES)}")
        columns[ours] = theirs
    return columns


def read_source(path: Path, columns: dict[str, str]) -> Iterator[Row]:
    """Stream the rows of a folder with ESCI's release, or of one file.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: a kind of file that is not read, or columns that are not there.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.name} does not exist")
    if path.is_dir():
        return read_esci(path)
    readers = {".csv": read_csv, ".jsonl": read_jsonl, ".parquet": read_parquet}
    if path.suffix not in readers:
        raise ValueError(f"{path.name}: give a .csv, .jsonl or .parquet file, or a folder with ESCI's release")
    return read_whole(path, readers[path.suffix](path, {name: name for name in NAMES} | columns, columns))


def read_whole(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, or in one sentence why the file cannot be read to its end."""
    try:
        yield from rows
    except UnicodeDecodeError as error:
        found = error.object[error.start]
        raise ValueError(f"{path.name} is not UTF-8: byte {found:#04x} ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path.name} is broken: {error}; is a quotation mark left open?") from error
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path.name} is broken, or no Parquet file: {error}") from error


def check_columns(path: Path, present: list[str], names: dict[str, str], said: dict[str, str]) -> None:
    """Refuse a file that lacks a required column, or one that was named."""
    if not present:
        raise ValueError(f"{path.name} is empty: its columns have to be named, {', '.join(REQUIRED)} among them")
    wanted = {**{ours: names[ours] for ours in REQUIRED}, **said}
    for ours, theirs in wanted.items():
        if theirs not in present:
            remedy = f"name it with {ours}=ITS_NAME" if ours not in said else "check the spelling"
            raise ValueError(f"{path.name} has no column {theirs!r} for {ours}; it has {', '.join(present)}: {remedy}")


def read_csv(path: Path, names: dict[str, str], said: dict[str, str]) -> Iterator[Row]:
    """Rows of a CSV file with a header."""
    csv.field_size_limit(2**30)  # how long a text may be is said once, where rows are checked
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)  # a quotation mark left open swallows no rows
        check_columns(path, list(reader.fieldnames or []), names, said)
        for row in reader:
            yield path.name, reader.line_num, {ours: row.get(theirs) for ours, theirs in names.items()}


def read_jsonl(path: Path, names: dict[str, str], said: dict[str, str]) -> Iterator[Row]:
    """Rows of a JSONL file; a line that is no JSON object is passed on as what is wrong with it."""
    checked = False
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                yield path.name, number, f"not JSON: {error.msg}"
                continue
            if not isinstance(row, dict):
                yield path.name, number, "not a JSON object"
                continue
            if not checked:
                check_columns(path, list(row), names, said)
                checked = True
            yield path.name, number, {ours: row.get(theirs) for ours, theirs in names.items()}


def read_parquet(path: Path, names: dict[str, str], said: dict[str, str]) -> Iterator[Row]:
    """Rows of a Parquet file, batch by batch."""
    with pq.ParquetFile(path) as file:
        present = file.schema_arrow.names
        check_columns(path, present, names, said)
        wanted = {ours: theirs for ours, theirs in names.items() if theirs in present}
        number = 0
        for batch in file.iter_batches(4096, columns=sorted(set(wanted.values()))):
            for row in batch.to_pylist():
                number += 1
                yield path.name, number, {ours: row.get(theirs) for ours, theirs in names.items()}


def read_esci(folder: Path) -> Iterator[Row]:
    """Rows of ESCI's own release: examples joined with products on product and locale; the joined text is streamed."""
    import duckdb

    examples, products = (esci_file(folder, part) for part in ("examples", "products"))
    for path, needed in ((examples, ESCI_EXAMPLES), (products, ESCI_PRODUCTS)):
        present = pq.read_schema(path).names
        if missing := [name for name in needed if name not in present]:
            raise ValueError(f"{path.name} lacks ESCI's columns {', '.join(missing)}; it has {', '.join(present)}")
    query = """
        select e.line, e.query, e.query_id::varchar query_id, e.product_id item_id, e.product_locale locale,
               e.esci_label as label, e.split, p.product_title title, p.product_brand brand, p.product_color attributes
        from (select *, row_number() over () line from read_parquet(?)) e
        left join read_parquet(?) p using (product_id, product_locale) order by e.line
    """
    with duckdb.connect() as connection:
        for batch in connection.sql(query, params=[str(examples), str(products)]).to_arrow_reader(4096):
            for row in batch.to_pylist():
                line = row.pop("line")
                yield examples.name, line, dict.fromkeys(NAMES) | row


def esci_file(folder: Path, part: str) -> Path:
    """The one Parquet file of ESCI's release with `part` in its name."""
    found = sorted(path for path in folder.glob("*.parquet") if part in path.name)
    if len(found) != 1:
        there = ", ".join(path.name for path in folder.glob("*")) or "nothing"
        raise ValueError(
            f"the folder is not ESCI's release: it needs one Parquet file with {part!r} in its name, and holds "
            f"{there}; for judgements in one file, give that file"
        )
    return found[0]
