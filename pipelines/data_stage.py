"""The first stage of `retrain`: the tables that every later step learns from."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel

from components.features import component as features
from components.judgements import component as judgements
from pipelines.resources import add_step


@dataclass(frozen=True)
class Tables:
    """Judgements, and the training set that joins features onto them."""

    judgements: PipelineChannel
    training_set: PipelineChannel


def data_stage(parameters: SimpleNamespace) -> Tables:
    """Read the judgements, build the features and join them."""
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
    return Tables(sources.outputs["judgements"], night.outputs["training_set"])
