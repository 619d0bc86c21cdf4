"""A shop's catalogue and its queries, which give ids their texts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.csv_records import TableRow
from components.tabular import TableFile

CATALOGUE_NAMES = ("items", "catalogue", "catalog", "products")  # of a file, before its ending
QUERIES_NAME = "queries"
ID_COLUMNS = ("item_id", "docid", "doc_id", "product_id", "id", "sku")
TITLE_COLUMNS = ("title", "name", "product_title", "product_name")
TEXT_COLUMNS = ("brand", "category", "attributes", "price", "rating")


def read_catalogue(path: Path) -> dict[str, dict]:
    """Return the texts of a catalogue's items by id, those of an id's first row.

    Raises:
        ValueError: there is no column of ids or titles, or a row is broken.
    """
    table = TableFile(path)
    names = {name.lower(): name for name in table.columns}
    columns = {"title": find_column(names, TITLE_COLUMNS, path), "item_id": find_column(names, ID_COLUMNS, path)}
    columns |= {name: names[name] for name in TEXT_COLUMNS if name in names}
    items: dict[str, dict] = {}
    for row in table.rows(list(columns.values())):
        if row.error:
            raise ValueError(f"{path.name}, line {row.line}: {row.error}; mend the row, or leave it out")
        fields = {ours: row.values.get(theirs) for ours, theirs in columns.items()}
        items.setdefault(str(fields.pop("item_id")), fields)
    return items


def find_column(names: Mapping[str, str], choices: Iterable[str], path: Path) -> str:
    """Return the first of some columns that a file has.

    Raises:
        ValueError: it has none of them.
    """
    choices = list(choices)
    for choice in choices:
        if choice in names:
            return names[choice]
    raise ValueError(f"{path.name} has none of the columns {', '.join(choices)}; it has {', '.join(names.values())}")


def add_texts(
    rows: Iterable[TableRow], items: Mapping[str, Mapping] | None, queries: Mapping[str, str] | None
) -> Iterator[TableRow]:
    """Yield rows with the texts of their ids.

    A row whose id has no text becomes broken, with the reason. None is no catalogue or no queries. A text that
    a row has stays.
    """
    for row in rows:
        yield row if row.error else _add_text(row, items, queries)


def _add_text(row: TableRow, items: Mapping[str, Mapping] | None, queries: Mapping[str, str] | None) -> TableRow:
    values = dict(row.values)
    if queries is not None and not values.get("query"):
        values["query"] = queries.get(str(values.get("query_id")))
        if values["query"] is None:
            error = f"not among the queries: query id {values.get('query_id')}"
            return TableRow(row.line, error=error, text=str(row.values))
    item_id = values.get("item_id")
    if items is not None and item_id is not None:
        texts = items.get(str(item_id))
        if texts is None and not values.get("title"):
            return TableRow(row.line, error=f"not in the catalogue: item {item_id}", text=str(row.values))
        values = {**(texts or {}), **{name: value for name, value in values.items() if value is not None}}
    return TableRow(row.line, values)


@dataclass(frozen=True)
class Folder:
    """A file of judgements with the files that hold its texts."""

    judgements: Path
    catalogue: Path | None
    queries: Path | None


def find_files(folder: Path) -> Folder:
    """Return a folder's judgements, its catalogue and its queries.

    Raises:
        ValueError: not one file holds judgements, or several files could be the catalogue.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    catalogues = [path for path in files if path.stem.lower() in CATALOGUE_NAMES]
    queries = [path for path in files if path.stem.lower() == QUERIES_NAME]
    others = [path for path in files if path not in (*catalogues, *queries)]
    if len(others) == 1 and catalogues and len(catalogues) == 1 and len(queries) < 2:
        return Folder(others[0], catalogues[0], next(iter(queries), None))
    present = ", ".join(path.name for path in files) or "nothing"
    name = folder.absolute().name
    raise ValueError(
        f"{name} is not ESCI's release: the folder needs one Parquet file with 'examples' in its name, and holds "
        f"{present}; for judgements in one file, give that file. A folder of ids needs one file of judgements, a "
        f"catalogue (items.csv with item_id and title) and, for qrels, queries.tsv; WANDS has label.csv, query.csv "
        "and product.csv"
    )
