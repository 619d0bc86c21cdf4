"""Labels from clicks held to people's, then set beside a teacher's, as what a student may learn of unjudged pairs.

The rule is that of a teacher's labels: they train only where they are surely more often right, on judged pairs of the
valid split, than tonight's plain student and the one that serves. People's label of a pair counts alone. Where both a
teacher and clicks label a pair, the label of the larger weight counts.
"""

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copy

from components import contracts
from components.absence import absent_result
from components.metrics import BootstrapConfig
from components.step_result import StepResult
from components.teacher.config import QualificationConfig
from components.teacher.held_out import read_student_labels
from components.teacher.label_qualification import PLAIN, LabelQualification, qualify_labels
from components.teacher.labeller import LabellerAnswer
from components.teacher.qualification import STUDENT

CLICKS = "clicks"
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
        count(*) filter (judged_label is null and label is not null and split is not null) as of_train_queries,
        count(*) filter (judged_label is null and label is not null and split is null) as of_unjudged_queries,
        avg(weight) filter (judged_label is null and label is not null) as mean_weight,
        count(distinct query_id) filter (judged_label is null and label is not null) as queries
    from clicks
"""
AGREEMENT = """
    select split, count(*) as pairs, count(*) filter (label = judged_label) as same
    from clicks where judged_label is not null and label is not null group by split
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
    """CLICK_LABELS, both students' PREDICTIONS, and beside them UNJUDGED and TEACHER_LABELS."""

    clicks: str | Path
    plain: str | Path
    serving: str | Path
    pairs: str | Path
    labels: str | Path


def add_click_labels(
    tables: LabelSources,
    config: QualificationConfig,
    bootstrap: BootstrapConfig,
    out: tuple[str | Path, str | Path],
) -> StepResult:
    """Write UNJUDGED and TEACHER_LABELS, with the labels from clicks where these qualify.

    Rows in are CLICK_LABELS, rows out those that train.
    """
    if not contracts.count(tables.clicks):
        return copy_tables(tables, out, absent_result("click_judgements is off, or none of its rows can be used"))
    qualification = qualify_clicks(tables, config, bootstrap)
    with open_tables(tables) as database:
        details = describe(database, qualification)
        if not qualification.refusal:
            write_query(database, LABELS, contracts.TEACHER_LABELS, out[1])
            write_query(database, UNJUDGED, contracts.UNJUDGED, out[0])
    result = summarise(details, qualification)
    return copy_tables(tables, out, result) if qualification.refusal else result


def qualify_clicks(tables: LabelSources, config: QualificationConfig, bootstrap: BootstrapConfig) -> LabelQualification:
    """Hold labels from clicks to people's on the valid split, beside both students'."""
    answers = {
        (row["query_id"], row["item_id"]): LabellerAnswer(row["judged_label"], row["label"], row["confidence"])
        for row in contracts.read_batches(contracts.CLICK_LABELS, tables.clicks)
        if row["split"] == "valid" and row["judged_label"]
    }
    students = {PLAIN: read_student_labels(tables.plain), STUDENT: read_student_labels(tables.serving)}
    return qualify_labels(answers, students, config, bootstrap, CLICKS)


def copy_tables(tables: LabelSources, out: tuple[str | Path, str | Path], result: StepResult) -> StepResult:
    """Hand both tables on as they are."""
    for source, path in zip((tables.pairs, tables.labels), out, strict=True):
        copy(source, path)
    return result


@contextmanager
def open_tables(tables: LabelSources):
    """Open the tables of pairs by name, with `used`, the unjudged pairs that clicks label."""
    import duckdb

    with duckdb.connect() as database:
        for name in ("clicks", "pairs", "labels"):
            database.read_parquet(str(getattr(tables, name))).create_view(name)
        database.execute(USED)
        yield database


def write_query(database, query: str, schema, out: str | Path) -> None:
    """Stream a query's rows to a table."""
    with contracts.open_writer(schema, out) as write_batch:
        for batch in database.sql(query).to_arrow_reader(contracts.BATCH_ROWS):
            write_batch(batch.to_pylist())


def describe(database, qualification: LabelQualification) -> dict:
    """Return the counts of pairs, and how far clicks agree with others."""
    counts = read_rows(database, COUNTS)[0]
    labels = dict(database.execute(BY_LABEL).fetchall())
    return counts | {
        "labels": {label: labels.get(label, 0) for label in contracts.LABELS},
        "most_labelled_queries": dict(database.execute(BY_QUERY).fetchall()),
        "agreement_with_people": {row.pop("split"): row for row in read_rows(database, AGREEMENT)},
        "beside_a_teacher": read_rows(database, OVERLAP)[0],
        "qualification": asdict(qualification),
        "refusal": qualification.refusal,
    }


def read_rows(database, query: str) -> list[dict]:
    """Return a query's rows by column."""
    return database.sql(query).to_arrow_table().to_pylist()


def summarise(details: dict, qualification: LabelQualification) -> StepResult:
    """Return the counts by what became of the pairs, which add up."""
    clear_count = details["of_train_queries"] + details["of_unjudged_queries"]
    reasons = {"judged by people": details["judged"], "without a clear label": details["unclear"]}
    reasons |= {"refused": clear_count} if qualification.refusal else {}
    used = 0 if qualification.refusal else clear_count
    details = details | {"set_aside_why": reasons, "used": used}
    return StepResult(details["rows"], used, sum(reasons.values()), say_headline(used, details, qualification), details)


def say_headline(used: int, details: dict, qualification: LabelQualification) -> str:
    """Return what was used, or why nothing was."""
    if qualification.refusal or not used:
        return qualification.refusal or "no unjudged pair has a clear label from clicks"
    weight = f"mean weight {details['mean_weight']:.2f}"
    return f"{used:,} pairs of {details['queries']:,} queries, {weight}; {qualification.headline('labels from clicks')}"
