"""Small sources of judgements as people have them: CSV, JSONL, Parquet, and ESCI's own release."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GOOD = {"query_id": "q1", "query": "red shoe", "item_id": "i1", "title": "Red shoe", "label": "E"}


def csv_file(path: Path, rows: list[dict], encoding: str = "utf-8") -> Path:
    """Write a CSV file with the first row's columns."""
    with open(path, "w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def jsonl_file(path: Path, rows: list[dict | str]) -> Path:
    """Write a JSONL file, a row that is text as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def parquet_file(path: Path, rows: list[dict]) -> Path:
    """Write a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def many_rows(queries: int = 60, pairs: int = 3) -> list[dict]:
    """Return rows of several queries, each with its own text and id."""
    names = [(query, f"i{query % 7}-{number}") for query in range(queries) for number in range(pairs)]
    return [
        GOOD
        | {
            "query_id": f"q{query}",
            "query": f"shoe {query}",
            "item_id": item,
            "label": "ESCI"[(query + int(item[-1])) % 4],
        }
        for query, item in names
    ]


def esci_release(folder: Path, **changes) -> Path:
    """Write ESCI's release of two queries and two products, one product in two locales."""
    example = {"example_id": 0, "query": "red shoe", "query_id": 7, "product_id": "B01", "product_locale": "us"}
    example |= {"esci_label": "E", "small_version": 0, "large_version": 1, "split": "train"}
    product = {"product_id": "B01", "product_title": "Red shoe", "product_description": None, "product_locale": "us"}
    product |= {"product_bullet_point": None, "product_brand": "Acme", "product_color": "red"}
    examples = [example, example | {"query_id": 8, "query": "zapato", "product_locale": "es", "split": "test"}]
    examples += [example | {"product_id": "B02", "esci_label": "I"}]
    products = [product, product | {"product_locale": "es", "product_title": "Zapato rojo"}]
    products += [product | {"product_id": "B02", "product_title": "Hose", "product_brand": None}]
    parts = {"shopping_queries_dataset_examples": examples, "shopping_queries_dataset_products": products} | changes
    for name, rows in parts.items():
        parquet_file(folder / f"{name}.parquet", rows)
    return folder
