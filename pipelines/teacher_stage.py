"""The second stage of `retrain`: sample rationales, tune and judge the teacher, write final rationales."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.judgements import component as judgements
from components.rationales import component as rationales
from components.teacher import component as teacher
from pipelines.data_stage import Tables
from pipelines.resources import add_step


@dataclass(frozen=True)
class TeacherTasks:
    """One task for each state of the teacher, which trains it or rates with it."""

    base: PipelineTask
    sft: PipelineTask
    dpo: PipelineTask


@dataclass(frozen=True)
class TeacherOutputs:
    """What later stages read: facts of both kinds of rationales, embeddings, and the teacher's states."""

    sampling_facts: PipelineChannel
    final_facts: PipelineChannel
    embeddings: PipelineChannel
    models: TeacherTasks


def teacher_stage(parameters: SimpleNamespace, tables: Tables) -> TeacherOutputs:
    """Tune the teacher, judge it, and embed its final rationales."""
    exemplars = add_step(
        "data", rationales.write_exemplars, judgements=tables.judgements, pairs=parameters.exemplar_pairs
    )
    base = add_step(
        "sft",
        teacher.start_teacher,
        exemplars=exemplars.outputs["rationales"],
        judgements=tables.judgements,
        base=parameters.base_model,
        config=parameters.cold_start_config,
    )
    samples = write_rationales("sample", parameters, tables, base, parameters.sampling_config)
    models = tune_teacher(parameters, tables, base, samples.outputs["rationales"])
    held_out = rate_held_out_pairs(parameters, tables, models)
    final = write_rationales("write-final", parameters, tables, models.dpo, parameters.final_config)
    teaching_facts = samples.outputs["facts"], final.outputs["facts"]
    report_teacher(parameters, tables, models, held_out, teaching_facts)
    embeddings = add_step(
        "embeddings",
        rationales.embed_rationales,
        rationales=final.outputs["rationales"],
        embedder=parameters.embedder,
    )
    return TeacherOutputs(*teaching_facts, embeddings.outputs["embeddings"], models)


def tune_teacher(
    parameters: SimpleNamespace, tables: Tables, base: PipelineTask, samples: PipelineChannel
) -> TeacherTasks:
    """Tune the teacher on right rationales (SFT), then on preference pairs (DPO)."""
    sft = add_step(
        "sft",
        teacher.fine_tune,
        rationales=samples,
        judgements=tables.judgements,
        base=base.outputs["model"],
        config=parameters.sft_config,
    )
    conflicts = add_step(
        "data",
        teacher.mine_preference_pairs,
        rationales=samples,
        judgements=tables.judgements,
        model=sft.outputs["model"],
    )
    dpo = add_step(
        "dpo",
        teacher.optimise_preferences,
        pairs=conflicts.outputs["pairs"],
        base=sft.outputs["model"],
        config=parameters.dpo_config,
    )
    return TeacherTasks(base, sft, dpo)


def write_rationales(
    name: str, parameters: SimpleNamespace, tables: Tables, model: PipelineTask, config: PipelineChannel
) -> PipelineTask:
    """Write rationales on as many machines as there are shards, and gather them."""
    with dsl.ParallelFor(items=parameters.shards, name=name) as shard:
        part = add_step(
            "rationales",
            rationales.generate_rationales,
            judgements=tables.judgements,
            model=model.outputs["model"],
            config=config,
            engine=parameters.engine_config,
            shard=shard,
        )
    return add_step(
        "data",
        rationales.gather_rationales,
        parts=dsl.Collected(part.outputs["rationales"]),
        refused=dsl.Collected(part.outputs["quarantine"]),
        said=dsl.Collected(part.outputs["facts"]),
    )


def rate_held_out_pairs(parameters: SimpleNamespace, tables: Tables, models: TeacherTasks) -> TeacherTasks:
    """Let the teacher rate held-out pairs before tuning, after SFT and after DPO."""

    def rate(model: PipelineTask, config: PipelineChannel) -> PipelineTask:
        return add_step(
            "rationales",
            rationales.generate_rationales,
            judgements=tables.judgements,
            model=model.outputs["model"],
            config=config,
            engine=parameters.held_out_engine_config,
            shard="0/1",
        )

    return TeacherTasks(
        base=rate(models.base, parameters.before_config),
        sft=rate(models.sft, parameters.held_out_config),
        dpo=rate(models.dpo, parameters.held_out_config),
    )


def report_teacher(
    parameters: SimpleNamespace, tables: Tables, models: TeacherTasks, held_out: TeacherTasks, facts: tuple
) -> None:
    """Audit labels and report how the teacher did.

    `facts` are those of its samples and of its final rationales.
    """
    audit = add_step(
        "data",
        judgements.audit_labels,
        judgements=tables.judgements,
        filled=parameters.audited,
        config=parameters.audit_config,
    )
    sampling_facts, final_facts = facts
    add_step(
        "data",
        teacher.report_teacher,
        before=held_out.base.outputs["rationales"],
        before_refused=held_out.base.outputs["quarantine"],
        tuned=held_out.sft.outputs["rationales"],
        tuned_refused=held_out.sft.outputs["quarantine"],
        hardened=held_out.dpo.outputs["rationales"],
        hardened_refused=held_out.dpo.outputs["quarantine"],
        sampled=sampling_facts,
        sft=models.sft.outputs["facts"],
        dpo=models.dpo.outputs["facts"],
        final=final_facts,
        audit=audit.outputs["facts"],
        config=parameters.compare_config,
    )
