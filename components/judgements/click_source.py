"""Judgements from clicks as a source of the night, of its own: people's labels are beside them, never among them.

Pairs of test queries are dropped, as are unjudged ones of all held-out queries. Judged pairs of train queries tell what
a label's clicks are, those of valid queries how often that is right, and unjudged pairs get labels, which a student may
learn. The pairs pass through files and DuckDB; memory holds the judged queries and a few numbers a pair.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from components import contracts
from components.absence import absent_result
from components.item_keys import SEPARATOR
from components.judgements.click_labels import ClickLabels, label_pairs
from components.judgements.click_rows import OPTION, open_clicks
from components.judgements.queries import Key, query_key
from components.judgements.readers import download_source
from components.judgements.unjudged import CHECKED_ROWS, JudgedQuery, read_queries
from components.judgements.unjudged_rows import Row
from components.judgements.usable_rows import check_usable, write_usable_rows
from components.sampling import hash_id
from components.step_result import StepResult

OFF = ("", "off")
NUMBERS = ("grade", "low", "high", "looks")
COUNTS = ("impressions", "clicks", "number")
CLICKED = pa.schema(
    [(name, pa.string()) for name in ("source", "query_id", "query", "locale", "query_class", "split", "item_id")]
    + [(name, pa.float64()) for name in NUMBERS]
    + [(name, pa.int64()) for name in COUNTS]
)
TEXTS = ("title", "brand", "category", "attributes")
PAIRS = f"""
    create table pair as
    with one as (
        from clicked qualify row_number() over (partition by query_id, item_id order by impressions desc, number) = 1
    )
    select one.*, judged.label as judged_label, case when judged.item_id is not null then 'judged'
        when one.split = 'valid' then 'held out' when coalesce(local.title, plain.title) is null then 'unknown'
        else 'unjudged' end as role,
        {", ".join(f"coalesce(judged.{name}, local.{name}, plain.{name}) as {name}" for name in TEXTS)}
    from one left join judgements judged using (query_id, item_id)
        left join items plain on plain.item_id = one.item_id
        left join items local on local.item_id = one.item_id || '{SEPARATOR}' || one.locale
"""
ROLES = "select role, count(*) from pair group by role"
KEPT = "from pair where role in ('judged', 'unjudged') order by query_id, item_id"


def collect_clicks(
    source: str, tables: tuple[str | Path, str | Path], out: tuple[str | Path, str | Path]
) -> StepResult:
    """Write CLICK_LABELS and QUARANTINED_ROWS of a file of judgements from clicks, here or on S3.

    `tables` are JUDGEMENTS and ITEMS. Rows in are the file's.

    Raises:
        ValueError: the file cannot be read, or none of its rows can be used.
    """
    if source.strip() in OFF:
        contracts.write([], contracts.CLICK_LABELS, out[0])
        contracts.write([], contracts.QUARANTINED_ROWS, out[1])
        return absent_result("click_judgements is off")
    with TemporaryDirectory() as folder:
        path = download_source(source, Path(folder, "source"))
        queries = read_queries(tables[0])
        counts = write_clicked(open_clicks(path), queries, path.name, (Path(folder, "clicked"), out[1]))
        check_usable(f"{OPTION} {path.name}", counts, "the quarantine says why of each")
        counts.update(write_labels(Path(folder, "clicked"), tables, out[0]))
    return summarise(counts)


def check_click_source(path: Path) -> None:
    """Check a file before a run starts, by its first rows.

    Raises:
        ValueError: it cannot be read, or none of these rows can be used.
    """
    rows = [row for row, _ in zip(open_clicks(path), range(CHECKED_ROWS), strict=False)]
    problems = Counter(row.problem for row in rows)
    counts = {"rows": len(rows), "unreadable": len(rows) - problems[""]}
    check_usable(f"{OPTION} {path.name}", counts, max(problems, key=len))


def write_clicked(
    rows: Iterator[Row], queries: Mapping[Key, JudgedQuery], name: str, out: tuple[str | Path, str | Path]
) -> Counter:
    """Write the usable rows of queries outside the test split, and count all.

    `out` are the paths of CLICKED and QUARANTINED_ROWS.
    """
    counts = write_usable_rows(name, rows, lambda row: identify(row, queries), CLICKED, out)
    counts["clicked"] = counts.pop("kept")
    counts["test"] = counts["rows"] - counts["unreadable"] - counts["clicked"]
    return counts


def identify(row: Row, queries: Mapping[Key, JudgedQuery]) -> dict | None:
    """Return a CLICKED row with its query's id and split.

    None is returned of a test query's. A query that nobody judged has no split.
    """
    key = query_key(row.fields["locale"], row.fields["query"])
    names = {"query_id": hash_id(*key), "query_class": None, "split": None}
    fields = row.fields | (asdict(queries[key]) if key in queries else names) | {"number": row.number}
    return None if fields["split"] == "test" else {name: fields[name] for name in CLICKED.names}


def write_labels(rows_path: Path, tables: tuple[str | Path, str | Path], out: str | Path) -> Counter:
    """Write CLICK_LABELS of CLICKED pairs, joined by people's labels and items' texts.

    Returned are the pairs by role.
    """
    import duckdb

    with duckdb.connect(str(rows_path.with_suffix(".duckdb"))) as database:
        database.read_parquet(str(rows_path)).create_view("clicked")
        for name, path in zip(("judgements", "items"), tables, strict=True):
            database.read_parquet(str(path)).create_view(name)
        database.execute(PAIRS)
        counts = Counter(dict(database.execute(ROLES).fetchall()))
        labels = label_clicked(database.sql(f"select split, judged_label, grade, high, looks {KEPT}").to_arrow_table())
        with contracts.open_writer(contracts.CLICK_LABELS, out) as write_batch:
            position = 0
            for batch in database.sql(KEPT).to_arrow_reader(contracts.BATCH_ROWS):
                rows = batch.to_pylist()
                write_batch([label_row(row, labels, position + number) for number, row in enumerate(rows)])
                position += len(rows)
    counts["labelled"] = int((labels.label >= 0).sum())
    return counts


def label_clicked(pairs: pa.Table) -> ClickLabels:
    """Return labels of pairs by the click rates of judged train pairs."""
    judged_labels = [
        contracts.LABELS.index(label) if label and split == "train" else -1
        for split, label in zip(pairs["split"].to_pylist(), pairs["judged_label"].to_pylist(), strict=True)
    ]
    numbers = (pairs[name].to_numpy() for name in ("grade", "high", "looks"))
    return label_pairs(*numbers, np.array(judged_labels, dtype=int))


def label_row(row: Mapping, labels: ClickLabels, number: int) -> dict:
    """Return the CLICK_LABELS row of a pair."""
    label = labels.label[number]
    verdict = {
        "label": contracts.LABELS[label] if label >= 0 else None,
        "confidence": float(labels.confidence[number]),
        "weight": float(labels.weight[number]),
    }
    return {name: (row | verdict)[name] for name in contracts.CLICK_LABELS.names}


def summarise(counts: Counter) -> StepResult:
    """Return the counts by what became of the rows, which add up."""
    pair_count = counts["judged"] + counts["unjudged"]
    reasons = {
        "unreadable": counts["unreadable"],
        "of test queries": counts["test"],
        "copies": counts["clicked"] - pair_count - counts["held out"] - counts["unknown"],
        "unjudged of valid queries": counts["held out"],
        "of unknown items": counts["unknown"],
    }
    losses = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    pairs = f"{counts['judged']:,} judged pairs, {counts['unjudged']:,} that nobody judged"
    headline = f"{pairs}; {losses}" if losses else pairs
    details = {"set_aside_why": reasons} | {name: counts[name] for name in ("judged", "unjudged", "labelled")}
    return StepResult(counts["rows"], pair_count, sum(reasons.values()), headline, details)
