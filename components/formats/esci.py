"""ESCI's own release: examples joined with products on product and locale."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from components.csv_records import TableRow

EXAMPLE_COLUMNS = ("query", "query_id", "product_id", "product_locale", "esci_label", "split")
PRODUCT_COLUMNS = ("product_id", "product_locale", "product_title", "product_brand", "product_color")
JOIN = """
    select e.line, e.query, e.query_id::varchar query_id, e.product_id item_id, e.product_locale locale,
           e.esci_label as label, e.split, p.product_title title, p.product_brand brand, p.product_color attributes
    from (select *, row_number() over () line from read_parquet(?)) e
    left join read_parquet(?) p using (product_id, product_locale) order by e.line
"""


def find_examples(folder: Path) -> Path:
    """Return the file of a release's examples."""
    return find_part(folder, "examples")


def read_esci(folder: Path) -> Iterator[TableRow]:
    """Stream a release's rows by our names, without holding the joined text in memory.

    Raises:
        ValueError: a file or a column is missing.
    """
    examples = find_examples(folder)
    products = find_part(folder, "products")
    check_columns(examples, EXAMPLE_COLUMNS)
    check_columns(products, PRODUCT_COLUMNS)
    with duckdb.connect() as connection:
        for batch in connection.sql(JOIN, params=[str(examples), str(products)]).to_arrow_reader(4096):
            for row in batch.to_pylist():
                yield TableRow(row.pop("line"), row)


def check_columns(path: Path, columns: tuple[str, ...]) -> None:
    """Check that a file of the release has its columns.

    Raises:
        ValueError: names those that are missing.
    """
    present = pq.read_schema(path).names
    missing = [name for name in columns if name not in present]
    if missing:
        raise ValueError(f"{path.name} lacks ESCI's columns {', '.join(missing)}; it has {', '.join(present)}")


def find_part(folder: Path, part: str) -> Path:
    """Return the one Parquet file with `part` in its name.

    Raises:
        ValueError: there is none, or there are several.
    """
    paths = sorted(path for path in folder.glob("*.parquet") if part in path.name)
    if len(paths) != 1:
        present = ", ".join(path.name for path in folder.glob("*")) or "nothing"
        raise ValueError(
            f"{folder.absolute().name} is not ESCI's release: the folder needs one Parquet file with {part!r} in "
            f"its name, and holds {present}; for judgements in one file, give that file"
        )
    return paths[0]
