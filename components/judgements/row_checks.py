"""The rows of a source, checked one by one."""

from collections.abc import Iterable

from components import contracts
from components.csv_records import TableRow
from components.item_keys import DEFAULT_LOCALE
from components.judgements.collection import Collection
from components.judgements.fields import clean_fields
from components.judgements.labels import LabelScale, is_unrated, to_rating
from components.judgements.raters import Rating
from components.sampling import hash_id

SPLITS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid"}
SPLITS |= {"dev": "valid", "test": "test", "testing": "test"}


def check_rows(table_rows: Iterable[TableRow], scale: LabelScale, collection: Collection) -> list[Rating]:
    """Return the rows whose fields are good, and quarantine the others."""
    rows = []
    for row in table_rows:
        collection.total += 1
        try:
            rows.append(check_row(row, scale, collection))
        except ValueError as error:
            collection.set_aside(row.line, str(error), row.text if row.error else row.values)
    return rows


def check_row(row: TableRow, scale: LabelScale, collection: Collection) -> Rating:
    """Return one row by our rules.

    Raises:
        ValueError: why it is quarantined; the words before a colon name the kind of reason.
    """
    if row.error:
        raise ValueError(row.error)
    fields, unreadable = clean_fields(row.values)
    raw_label = fields.pop("label")
    label = scale.find(raw_label)
    if label is None and is_unrated(raw_label):
        raise ValueError("unrated: the row has no label")
    if label is None:
        collection.unknown_labels[str(raw_label)] += 1
        labels = collection.labels_option
        scale_name = f"not in --labels {labels}" if labels else "none of E, S, C, I or their names"
        raise ValueError(f"unknown label: {raw_label!r} is {scale_name}")
    if fields["split"] and fields["split"].lower() not in SPLITS:
        raise ValueError(f"unknown split: {fields['split']!r} is none of {', '.join(SPLITS)}")
    collection.unreadable_fields.update(unreadable)
    fields["split"] = SPLITS[fields["split"].lower()] if fields["split"] else None
    fields["locale"] = fields["locale"] or DEFAULT_LOCALE
    fields["item_id"] = fields["item_id"] or hash_id(fields["title"], fields["brand"] or "")
    fields["mismatch"] = fields["mismatch"] if fields["mismatch"] in contracts.MISMATCHES else None
    fields["query_class"] = read_class(fields["query_class"], collection)
    rating = to_rating(raw_label)
    value = str(raw_label) if rating is None else rating
    return Rating(collection.name, row.line, fields, label, value, fields.pop("rater"))


def read_class(value: str | None, collection: Collection) -> str | None:
    """Return a query class of ours, or None for another, which is counted."""
    if value is None or value.lower() in contracts.QUERY_CLASSES:
        return value and value.lower()
    collection.unknown_classes[value] += 1
    return None
