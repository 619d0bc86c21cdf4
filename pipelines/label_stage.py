"""Part of the third stage of `retrain`: a teacher and clicks label unjudged pairs, where they beat both students."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.rationales import component as rationales
from components.teacher import click_component as clicks
from components.teacher import component as teacher
from pipelines.data_stage import Tables
from pipelines.resources import add_step, labelling_kind
from pipelines.sharded_rationales import write_rationales
from pipelines.teacher_stage import TeacherOutputs


@dataclass(frozen=True)
class LabelledPairs:
    """Unjudged pairs, the labels of some of them, and how those from clicks did."""

    unjudged_pairs: PipelineChannel
    labels: PipelineChannel
    click_facts: tuple[PipelineChannel, PipelineChannel]


def label_stage(
    parameters: SimpleNamespace,
    tables: Tables,
    teacher_outputs: TeacherOutputs,
    plain_predictions: PipelineChannel,
    serving_predictions: PipelineChannel,
) -> LabelledPairs:
    """Label unjudged pairs by a teacher, then by clicks, where either qualifies."""
    qualifying = {
        "plain": plain_predictions,
        "serving": serving_predictions,
        "config": parameters.qualification_config,
        "bootstrap": parameters.compare_config,
    }
    labels = teacher_labels(parameters, tables, teacher_outputs, qualifying)
    qualification = add_step("data", clicks.qualify_clicks, clicks=tables.clicks, **qualifying)
    additions = add_step(
        "data",
        clicks.add_click_labels,
        clicks=tables.clicks,
        unjudged=tables.unjudged_pairs,
        labels=labels,
        refusal=qualification.outputs["Output"],
    )
    facts = (qualification.outputs["facts"], additions.outputs["facts"])
    return LabelledPairs(additions.outputs["pairs"], additions.outputs["all_labels"], facts)


def teacher_labels(
    parameters: SimpleNamespace, tables: Tables, teacher_outputs: TeacherOutputs, qualifying: Mapping
) -> PipelineChannel:
    """Return TEACHER_LABELS of the unjudged pairs, none where no teacher is asked or none qualifies.

    Held-out pairs are asked about first, in the same way: what is measured is what is used. `qualifying` are both
    students' predictions, and the bounds.
    """
    plan = add_step(
        "data", teacher.plan_labels, unjudged=tables.unjudged_pairs, config=parameters.teacher_labels_config
    )
    held_out = add_step(
        labelling_kind(),
        rationales.generate_rationales,
        judgements=tables.judgements,
        model=teacher_outputs.models.dpo.outputs["model"],
        config=parameters.labelling_config,
        engine=parameters.labelling_engine_config,
        shard="0/1",
        permit=plan.outputs["permit"],
    )
    qualification = add_step(
        "data",
        teacher.qualify_labels,
        rationales=held_out.outputs["rationales"],
        quarantine=held_out.outputs["quarantine"],
        plan=plan.outputs["permit"],
        **qualifying,
    )
    permit = add_step("data", teacher.permit_teacher, refusal=qualification.outputs["Output"])
    return label(parameters, tables, teacher_outputs, permit)


def label(
    parameters: SimpleNamespace, tables: Tables, teacher_outputs: TeacherOutputs, permission: PipelineTask
) -> PipelineChannel:
    """Ask a qualified teacher about the unjudged pairs, and count its answers."""
    inputs = {
        "judgements": tables.unjudged_pairs,
        "config": parameters.labelling_config,
        "engine": parameters.labelling_engine_config,
        "permit": permission.outputs["permit"],
    }
    answers = write_rationales("label", parameters, teacher_outputs.models.dpo, inputs, labelling_kind())
    labels = add_step(
        "data",
        teacher.label_unjudged,
        rationales=answers.outputs["rationales"],
        quarantine=answers.outputs["quarantine"],
        generated=answers.outputs["facts"],
        permit=permission.outputs["permit"],
        config=parameters.teacher_labels_config,
    )
    return labels.outputs["labels"]
