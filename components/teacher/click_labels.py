"""Labels from clicks beside a teacher's, as what a student may learn of unjudged pairs.

People's label of a pair counts alone. Where both a teacher and clicks label a pair, the label of the larger weight
counts.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

from components import contracts
from components.absence import absent_result
from components.step_result import StepResult
from components.teacher.click_qualification import CLICKS

MOST_QUERIES = 5  # that are named
USED = "create view used as from clicks where judged_label is null and label is not null"
ROW = "query_id, item_id, label, confidence, weight, impressions::int as answers, source as teacher"
LABELS = f"""
    from (
        select * from (select *, 0 as turn from labels union all select {ROW}, 1 from used)
        qualify row_number() over (partition by query_id, item_id order by weight desc, turn) = 1
    ) select {", ".join(contracts.TEACHER_LABELS.names)} order by query_id, item_id
"""
PAIR = ", ".join(name for name in contracts.UNJUDGED.names if name not in ("source", "shown"))
UNJUDGED = f"""
    from pairs union all
    select {PAIR}, '{CLICKS}', impressions from used anti join pairs using (query_id, item_id)
    order by query_id, item_id
"""
COUNTS = """
    select count(*) as rows,
        count(*) filter (judged_label is not null) as judged,
        count(*) filter (judged_label is null and label is null) as unclear,
        (select count(*) from used where split is not null) as of_train_queries,
        (select count(*) from used where split is null) as of_unjudged_queries,
        (select avg(weight) from used) as mean_weight,
        (select count(distinct query_id) from used) as queries
    from clicks
"""
BY_LABEL = "select label, count(*) from used group by label"
BY_QUERY = f"select query, count(*) from used group by query order by count(*) desc, query limit {MOST_QUERIES}"
OVERLAP = """
    select count(*) as pairs, count(*) filter (labels.label = used.label) as same,
        count(*) filter (labels.weight >= used.weight) as by_teacher
    from labels join used using (query_id, item_id)
"""


@dataclass(frozen=True)
class LabelSources:
    """CLICK_LABELS, and beside them UNJUDGED and TEACHER_LABELS."""

    clicks: str | Path
    pairs: str | Path
    labels: str | Path


def add_click_labels(tables: LabelSources, refusal: str, out: tuple[str | Path, str | Path]) -> StepResult:
    """Write UNJUDGED and TEACHER_LABELS, with the labels from clicks unless these are refused.

    Rows in are CLICK_LABELS, rows out those that train.
    """
    if not contracts.count(tables.clicks):
        copy_tables(tables, out)
        return absent_result(refusal)
    with open_tables(tables) as database:
        details = describe(database)
        if not refusal:
            write_query(database, UNJUDGED, contracts.UNJUDGED, out[0])
            write_query(database, LABELS, contracts.TEACHER_LABELS, out[1])
    if refusal:
        copy_tables(tables, out)
    return summarise(details, refusal)


def copy_tables(tables: LabelSources, out: tuple[str | Path, str | Path]) -> None:
    """Hand both tables on as they are."""
    for source, path in zip((tables.pairs, tables.labels), out, strict=True):
        copy(source, path)


@contextmanager
def open_tables(tables: LabelSources):
    """Open the tables of pairs by name, with `used`, the unjudged pairs that clicks label."""
    import duckdb

    with duckdb.connect() as database:
        for name, path in vars(tables).items():
            database.read_parquet(str(path)).create_view(name)
        database.execute(USED)
        yield database


def write_query(database, query: str, schema, out: str | Path) -> None:
    """Stream a query's rows to a table."""
    with contracts.open_writer(schema, out) as write_batch:
        for batch in database.sql(query).to_arrow_reader(contracts.BATCH_ROWS):
            write_batch(batch.to_pylist())


def describe(database) -> dict:
    """Return the counts of pairs, and how far clicks agree with a teacher."""
    labels = dict(database.execute(BY_LABEL).fetchall())
    return read_row(database, COUNTS) | {
        "labels": {label: labels.get(label, 0) for label in contracts.LABELS},
        "most_labelled_queries": dict(database.execute(BY_QUERY).fetchall()),
        "beside_a_teacher": read_row(database, OVERLAP),
    }


def read_row(database, query: str) -> dict:
    """Return a query's one row by column."""
    return database.sql(query).to_arrow_table().to_pylist()[0]


def summarise(details: dict, refusal: str) -> StepResult:
    """Return the counts by what became of the pairs, which add up."""
    clear_count = details["of_train_queries"] + details["of_unjudged_queries"]
    reasons = {"judged by people": details["judged"], "without a clear label": details["unclear"]}
    reasons |= {"refused": clear_count} if refusal else {}
    used = 0 if refusal else clear_count
    details = details | {"set_aside_why": reasons, "used": used, "refusal": refusal}
    return StepResult(details["rows"], used, sum(reasons.values()), say_headline(details), details)


def say_headline(details: dict) -> str:
    """Return what was used, or why nothing was."""
    if not details["used"]:
        return f"none: {details['refusal'] or 'no unjudged pair has a clear label from clicks'}"
    return f"{details['used']:,} pairs of {details['queries']:,} queries, mean weight {details['mean_weight']:.2f}"
