"""Rationales of many pairs, written by several workers side by side and gathered into one table."""

from collections.abc import Mapping
from types import SimpleNamespace

from kfp import dsl
from kfp.dsl.pipeline_task import PipelineTask

from components.rationales import component as rationales
from pipelines.resources import add_step


def write_rationales(
    name: str, parameters: SimpleNamespace, model: PipelineTask, inputs: Mapping, kind: str = "rationales"
) -> PipelineTask:
    """Write rationales on as many machines as there are shards, and gather them.

    `inputs` are tables of pairs, configurations, and the teacher's permit where it needs one.
    """
    with dsl.ParallelFor(items=parameters.shards, name=name) as shard:
        part = add_step(
            kind,
            rationales.generate_rationales,
            model=model.outputs["model"],
            shard=shard,
            **inputs,
        )
    return add_step(
        "data",
        rationales.gather_rationales,
        parts=dsl.Collected(part.outputs["rationales"]),
        refused=dsl.Collected(part.outputs["quarantine"]),
        said=dsl.Collected(part.outputs["facts"]),
    )
