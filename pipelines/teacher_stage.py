"""The second stage of `retrain`: sample rationales, tune and judge the teacher, write rationales where it qualifies."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.judgements import component as judgements
from components.rationales import component as rationales
from components.teacher import component as teacher
from pipelines.data_stage import Tables
from pipelines.resources import add_step
from pipelines.sharded_rationales import write_rationales


@dataclass(frozen=True)
class TeacherTasks:
    """One task for each state of the teacher, which trains it or rates with it."""

    base: PipelineTask
    sft: PipelineTask
    dpo: PipelineTask


@dataclass(frozen=True)
class TeacherOutputs:
    """What later stages read: sampled rationales, facts of final ones, embeddings, the teacher's states.

    `refusal` says why the teacher trains nobody: the final rationales and embeddings are none then. It is "" elsewhere.
    """

    samples: PipelineTask
    final_facts: PipelineChannel
    embeddings: PipelineChannel
    models: TeacherTasks
    held_out: TeacherTasks  # each state's ratings of held-out pairs
    refusal: PipelineChannel


def teacher_stage(parameters: SimpleNamespace, tables: Tables, student_predictions: PipelineChannel) -> TeacherOutputs:
    """Tune the teacher, judge it beside the serving student, and embed its final rationales."""
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
    inputs = {"judgements": tables.judgements, "engine": parameters.engine_config}
    samples = write_rationales("sample", parameters, base, inputs | {"config": parameters.sampling_config})
    models = tune_teacher(parameters, tables, base, samples.outputs["rationales"])
    held_out = rate_held_out_pairs(parameters, tables, models)
    qualification = qualify_teacher(parameters, held_out.dpo, student_predictions)
    permit = add_step("data", teacher.permit_teacher, refusal=qualification.outputs["Output"])
    # an artifact: within a loop, kfp's local runner replaces parameters of other steps by the loop's item
    inputs |= {"config": parameters.final_config, "permit": permit.outputs["permit"]}
    final = write_rationales("write-final", parameters, models.dpo, inputs | {"unjudged": tables.unjudged_pairs})
    facts = {"sampled": samples.outputs["facts"], "final": final.outputs["facts"]}
    report_teacher(parameters, tables, models, held_out, facts | {"qualified": qualification.outputs["facts"]})
    embeddings = add_step(
        "embeddings",
        rationales.embed_rationales,
        rationales=final.outputs["rationales"],
        embedder=parameters.embedder,
    )
    return TeacherOutputs(
        samples, facts["final"], embeddings.outputs["embeddings"], models, held_out, qualification.outputs["Output"]
    )


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


def qualify_teacher(
    parameters: SimpleNamespace, held_out: PipelineTask, student_predictions: PipelineChannel
) -> PipelineTask:
    """Hold the tuned teacher to its bounds on held-out pairs.

    A condition of Kubeflow's has no way to hand on one of two artifacts in its local runner: what follows passes the
    refusal on, and each step that has nothing to do ends at once.
    """
    return add_step(
        "data",
        teacher.qualify_teacher,
        rationales=held_out.outputs["rationales"],
        quarantine=held_out.outputs["quarantine"],
        rated=held_out.outputs["facts"],
        predictions=student_predictions,
        config=parameters.qualification_config,
        bootstrap=parameters.compare_config,
    )


def report_teacher(
    parameters: SimpleNamespace, tables: Tables, models: TeacherTasks, held_out: TeacherTasks, facts: Mapping
) -> None:
    """Audit labels and report how the teacher did.

    `facts` are those of its samples, of its final rationales, and of its qualification.
    """
    audit = add_step(
        "data",
        judgements.audit_labels,
        judgements=tables.judgements,
        filled=parameters.audited,
        config=parameters.audit_config,
    )
    add_step(
        "data",
        teacher.report_teacher,
        before=held_out.base.outputs["rationales"],
        before_refused=held_out.base.outputs["quarantine"],
        tuned=held_out.sft.outputs["rationales"],
        tuned_refused=held_out.sft.outputs["quarantine"],
        hardened=held_out.dpo.outputs["rationales"],
        hardened_refused=held_out.dpo.outputs["quarantine"],
        sft=models.sft.outputs["facts"],
        dpo=models.dpo.outputs["facts"],
        **facts,
        audit=audit.outputs["facts"],
        config=parameters.compare_config,
    )
