"""The first stage of `retrain`: the tables that every later step learns from."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.features import component as features
from components.judgements import component as judgements
from pipelines.resources import add_step


@dataclass(frozen=True)
class Tables:
    """Judgements, the training set that joins features onto them, unjudged pairs, what clicks say."""

    judgements: PipelineChannel
    training_set: PipelineChannel
    unjudged_pairs: PipelineChannel  # a table without a row where the profile asks for none
    clicks: PipelineChannel  # CLICK_LABELS, without a row where no source is named


def data_stage(parameters: SimpleNamespace) -> Tables:
    """Read the judgements, build the features and join them, and collect unjudged pairs."""
    sources = add_step(
        "sources",
        judgements.prepare_judgements,
        source=parameters.source,
        columns=parameters.columns,
        config=parameters.prepare_config,
    )
    night = add_step(
        "features",
        features.build_features,
        judgements=sources.outputs["judgements"],
        items=sources.outputs["items"],
        logs_prefix=parameters.logs_prefix,
        as_of=parameters.as_of,
    )
    pages = add_step(
        "sources",
        judgements.collect_unjudged,
        judgements=sources.outputs["judgements"],
        items=sources.outputs["items"],
        source=parameters.unjudged,
        columns=parameters.columns,
        logs_prefix=parameters.logs_prefix,
        as_of=parameters.as_of,
        pairs=parameters.unjudged_pairs,
    )
    tables = (sources.outputs["judgements"], night.outputs["training_set"], pages.outputs["unjudged"])
    return Tables(*tables, collect_clicks(parameters, sources))


def collect_clicks(parameters: SimpleNamespace, sources: PipelineTask) -> PipelineChannel:
    """Read judgements from clicks, and return CLICK_LABELS."""
    task = add_step(
        "sources",
        judgements.collect_clicks,
        judgements=sources.outputs["judgements"],
        items=sources.outputs["items"],
        source=parameters.click_judgements,
    )
    return task.outputs["clicks"]
