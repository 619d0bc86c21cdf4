"""Small sources of judgements as people have them: CSV, JSONL, Parquet, and ESCI's own release."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GOOD = {"query_id": "q1", "query": "red shoe", "item_id": "i1", "title": "Red shoe", "label": "E"}


def csv_file(path: Path, rows: list[dict], encoding: str = "utf-8") -> Path:
    """A CSV file with the first row's columns."""
    with open(path, "w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def jsonl_file(path: Path, rows: list[dict | str]) -> Path:
    """A JSONL file; a row that is text is written as it is."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def parquet_file(path: Path, rows: list[dict]) -> Path:
    """A Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def esci_release(folder: Path, **changes) -> Path:
    """Two queries and two products as ESCI's release has them: one product in two locales."""
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
