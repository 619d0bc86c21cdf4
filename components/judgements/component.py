"""Steps of the judgements: prepare them, audit their labels, and collect pairs that nobody judged."""

from kfp import dsl

from components.images import student_step


@student_step()
def prepare_judgements(
    source: str,
    columns: str,
    config: str,
    judgements: dsl.Output[dsl.Dataset],
    items: dsl.Output[dsl.Dataset],
    refused: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from components.judgements.prepare import PrepareConfig, prepare
    from components.judgements.readers import download_source, parse_columns
    from components.step_result import record

    with TemporaryDirectory() as folder:
        path = download_source(source, Path(folder))
        out = tuple(Path(table.path) for table in (judgements, items, refused))
        record(facts, prepare(path, parse_columns(columns), PrepareConfig.from_json(config), out))


@student_step()
def audit_labels(
    judgements: dsl.Input[dsl.Dataset],
    filled: str,
    config: str,
    sample: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.judgements.audit import AuditConfig, audit
    from components.step_result import record

    record(facts, audit(judgements.path, filled, AuditConfig.from_json(config), sample.path))


@student_step()
def collect_unjudged(
    judgements: dsl.Input[dsl.Dataset],
    items: dsl.Input[dsl.Dataset],
    source: str,
    columns: str,
    logs_prefix: str,
    as_of: str,
    pairs: int,
    unjudged: dsl.Output[dsl.Dataset],
    refused: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.judgements.unjudged import UnjudgedSource, collect_unjudged
    from components.step_result import record

    pages = UnjudgedSource(source, columns, logs_prefix, as_of)
    out = (unjudged.path, refused.path)
    record(facts, collect_unjudged(pages, (judgements.path, items.path), pairs, out))


@student_step()
def collect_clicks(
    judgements: dsl.Input[dsl.Dataset],
    items: dsl.Input[dsl.Dataset],
    source: str,
    clicks: dsl.Output[dsl.Dataset],
    refused: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.judgements.click_source import collect_clicks
    from components.step_result import record

    record(facts, collect_clicks(source, (judgements.path, items.path), (clicks.path, refused.path)))
