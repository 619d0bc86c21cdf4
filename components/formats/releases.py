"""Public data sets as they are released: Wayfair's WANDS and Home Depot's competition of 2016."""

from collections.abc import Iterator
from pathlib import Path

from components.csv_records import TableRow
from components.formats.text_files import open_csv

WANDS_FILES = ("label.csv", "query.csv", "product.csv")
HOME_DEPOT_FILE = "train.csv"
BRAND_ATTRIBUTE = "MFG Brand Name"


def read_wands(folder: Path) -> Iterator[TableRow]:
    """Yield WANDS' labels with queries and products, whose files are separated by tabs.

    Its query_class is a kind of product, and none of ours: it is not read.

    Raises:
        ValueError: a file lacks a column, or has an id twice.
    """
    queries = read_by_id(folder / "query.csv", "query_id", ("query",))
    columns = ("product_name", "product_class", "product_features", "average_rating")
    products = read_by_id(folder / "product.csv", "product_id", columns)
    check_names(folder / "label.csv", ("query_id", "product_id", "label"))
    for row in open_csv(folder / "label.csv").rows():
        if row.error:
            yield row
            continue
        query = queries.get(row.values["query_id"])
        product = products.get(row.values["product_id"])
        if query is None or product is None:
            name = "query_id" if query is None else "product_id"
            error = f"unknown id: {name} {row.values[name]} is in no row of {name.removesuffix('_id')}.csv"
            yield TableRow(row.line, error=error, text=str(row.values))
            continue
        yield TableRow(row.line, _name_wands_fields(row.values, query, product))


def _name_wands_fields(values: dict, query: dict, product: dict) -> dict:
    return {
        "query_id": values["query_id"],
        "query": query["query"],
        "item_id": values["product_id"],
        "title": product["product_name"],
        "category": product["product_class"] or None,
        "attributes": product["product_features"].replace("|", "; ") or None,
        "rating": product["average_rating"] or None,
        "label": values["label"] or None,
    }


def read_by_id(path: Path, key: str, columns: tuple[str, ...]) -> dict[str, dict]:
    """Return the rows of a tab-separated file by their id.

    Raises:
        ValueError: a column is missing, a row is broken, or an id occurs twice.
    """
    check_names(path, (key, *columns))
    rows: dict[str, dict] = {}
    for row in open_csv(path).rows():
        if row.error:
            raise ValueError(f"{path.name}, line {row.line}: {row.error}; take the file from the release again")
        if row.values[key] in rows:
            raise ValueError(f"{path.name}, line {row.line}: the {key} {row.values[key]} is there twice; keep one")
        rows[row.values[key]] = {name: row.values[name] for name in columns}
    return rows


def check_names(path: Path, columns: tuple[str, ...]) -> None:
    """Check that a release's file has its columns.

    Raises:
        ValueError: names those that are missing.
    """
    present = open_csv(path).columns
    missing = [name for name in columns if name not in present]
    if missing:
        raise ValueError(f"{path.name} lacks the columns {', '.join(missing)}; it has {', '.join(present)}")


def read_home_depot(path: Path) -> Iterator[TableRow]:
    """Yield the rows of train.csv, with brands where its folder has attributes.csv.

    Relevance is the mean of several people's 1, 2 and 3.

    Raises:
        ValueError: there is no column relevance, as in the competition's test.csv.
    """
    folder = path if path.is_dir() else path.parent
    path = path / HOME_DEPOT_FILE if path.is_dir() else path
    check_names(path, ("product_uid", "product_title", "search_term", "relevance"))
    attributes = folder / "attributes.csv"
    brands = read_brands(attributes) if attributes.exists() else {}
    for row in open_csv(path).rows():
        if row.error:
            yield row
            continue
        fields = {"query": row.values["search_term"], "item_id": row.values["product_uid"]}
        fields |= {"title": row.values["product_title"], "label": row.values["relevance"] or None}
        yield TableRow(row.line, fields | {"brand": brands.get(row.values["product_uid"])})


def read_brands(path: Path) -> dict[str, str]:
    """Return the brands of Home Depot's attributes.csv by product."""
    check_names(path, ("product_uid", "name", "value"))
    rows = (row.values for row in open_csv(path).rows() if not row.error)
    return {row["product_uid"]: row["value"] for row in rows if row["name"] == BRAND_ATTRIBUTE and row["value"]}
