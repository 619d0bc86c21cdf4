"""Unjudged pairs one by one: of a file, or of what the platform's pages showed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components import contracts, event_logs
from components.csv_records import TableRow
from components.item_keys import DEFAULT_LOCALE, SEPARATOR
from components.judgements.fields import clean_fields
from components.judgements.readers import Source
from components.sampling import hash_id

FIELDS = ("query", "title", "locale", "query_class", "item_id", "brand", "category", "attributes", "shown")
SHOWN = f"""
    with page as (
        select query, coalesce(nullif(locale, ''), '{DEFAULT_LOCALE}') as locale, item_id, count(*) as shown,
            any_value(nullif(query_class, '')) as query_class
        from exposure where query <> '' and time < $as_of group by all
    )
    select query, page.locale, query_class, page.item_id, shown, coalesce(local.title, plain.title) as title,
        coalesce(local.brand, plain.brand) as brand, coalesce(local.category, plain.category) as category,
        coalesce(local.attributes, plain.attributes) as attributes
    from page left join items plain on plain.item_id = page.item_id
        left join items local on local.item_id = page.item_id || '{SEPARATOR}' || page.locale
    order by query, page.locale, page.item_id
"""


@dataclass(frozen=True)
class Row:
    """A pair as its source has it, or why it cannot be used."""

    number: int  # of its line, or of its place among what was shown
    fields: dict  # FIELDS
    problem: str = ""  # the words before a colon name its kind
    text: str | dict = ""  # of a row that cannot be used


def read_source(source: Source) -> Iterator[Row]:
    """Yield the pairs of a file. A label that it has is not read."""
    for row in source.rows:
        try:
            yield Row(row.line, clean_row(row))
        except ValueError as error:
            yield Row(row.line, {}, str(error), row.text if row.error else row.values)


def clean_row(row: TableRow) -> dict:
    """Return a row's fields in one form each.

    Raises:
        ValueError: it is broken, or has no query or title.
    """
    if row.error:
        raise ValueError(row.error)
    fields, _ = clean_fields({name: row.values.get(name) for name in FIELDS})
    fields["locale"] = fields["locale"] or DEFAULT_LOCALE
    fields["item_id"] = fields["item_id"] or hash_id(fields["title"], fields["brand"] or "")
    fields["query_class"] = known_class(fields["query_class"])
    fields["shown"] = None if fields["shown"] is None else int(fields["shown"])
    return fields


def known_class(value: str | None) -> str | None:
    """Return a query class of ours, or None for another."""
    return value.lower() if value and value.lower() in contracts.QUERY_CLASSES else None


def read_exposures(logs: Path, items: str | Path, as_of: datetime) -> Iterator[Row]:
    """Yield each pair that a page showed before `as_of`, once, with the texts of ITEMS."""
    import duckdb

    files = [str(path) for path in sorted((logs / "exposures").rglob("*.parquet"))]
    with duckdb.connect() as database:
        database.read_parquet(files, union_by_name=True, hive_partitioning=False).create_view("copies")
        database.execute(f"create view exposure as {event_logs.distinct('exposures', 'copies')}")
        database.read_parquet(str(items)).create_view("items")
        number = 0
        for batch in database.sql(SHOWN, params={"as_of": as_of}).to_arrow_reader(contracts.BATCH_ROWS):
            for fields in batch.to_pylist():
                number += 1
                problem = "" if fields["title"] else "unknown item: tonight's judgements have no title of it"
                yield Row(number, fields | {"query_class": known_class(fields["query_class"])}, problem, fields)
