"""The last stage of `retrain`: compare the candidate with the baseline, decide, and start a dark canary."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.packaging import component as packaging
from components.release import component as release
from pipelines.data_stage import Tables
from pipelines.resources import add_step
from pipelines.student_stage import Candidate, predict
from pipelines.teacher_stage import TeacherOutputs


@dataclass(frozen=True)
class Baseline:
    """What the candidate is compared with: its package, serving version and predictions."""

    package: PipelineChannel
    serving_version: PipelineChannel
    predictions: PipelineChannel


def release_stage(
    parameters: SimpleNamespace, tables: Tables, teacher: TeacherOutputs, candidate: Candidate, baseline: Baseline
) -> None:
    """Gate the candidate, record the night, and start its canary where the gate says release."""
    verdict = gate(parameters, tables, candidate, baseline)
    record_and_sweep(
        teacher,
        verdict=verdict.outputs["verdict"],
        candidate=candidate.predictions,
        baseline=baseline.predictions,
        judgements=tables.judgements,
        clicks_qualified=candidate.click_facts[0],
        clicks_added=candidate.click_facts[1],
    )
    registration = add_step("release", release.register_baseline, package=baseline.package)
    # `If` only draws the graph: start_canary itself refuses any other verdict
    with dsl.If(verdict.outputs["Output"] == "release", name="no-worse-than-baseline"):
        canary = add_step(
            "release",
            release.start_canary,
            lrkd=candidate.lrkd,
            plain=candidate.plain,
            student=candidate.student,
            verdict=verdict.outputs["verdict"],
        )
        canary.after(registration)


def record_and_sweep(teacher: TeacherOutputs, **student_outputs: PipelineChannel) -> None:
    """Record what the night did and left, and remove what old nights left.

    `student_outputs` are the gate's verdict, what people compare, and how labels from clicks did.
    """
    night = add_step(
        "release",
        release.record_night,
        **student_outputs,
        rationales=teacher.samples.outputs["rationales"],
        held_out=teacher.held_out.dpo.outputs["rationales"],
        sampled=teacher.samples.outputs["facts"],
        final=teacher.final_facts,
        started=teacher.models.base.outputs["model"],
        tuned=teacher.models.sft.outputs["model"],
        hardened=teacher.models.dpo.outputs["model"],
    )
    add_step("release", release.sweep_nights).after(night)


def prepare_baseline(parameters: SimpleNamespace, tables: Tables) -> Baseline:
    """Fetch or train the baseline, and score it on the valid split.

    The teacher is held to it, so that it comes before the teacher and knows no rationale.
    """
    serving = add_step("release", release.read_serving_version)
    package = add_step(
        "packaging",
        packaging.baseline_package,
        serving_version=serving.outputs["Output"],
        training_set=tables.training_set,
        config=parameters.first_baseline_config,
    )
    predictions = predict(package.outputs["package"], tables)
    return Baseline(package.outputs["package"], serving.outputs["Output"], predictions)


def gate(parameters: SimpleNamespace, tables: Tables, candidate: Candidate, baseline: Baseline) -> PipelineTask:
    """Measure both packages side by side and decide."""
    measurement = add_step(
        "student",
        packaging.compare_packages,
        lrkd=candidate.lrkd,
        plain=candidate.plain,
        student=candidate.student,
        baseline=baseline.package,
        training_set=tables.training_set,
    )
    return add_step(
        "student",
        release.gate_candidate,
        candidate=candidate.predictions,
        baseline=baseline.predictions,
        lrkd_package=candidate.lrkd,
        plain_package=candidate.plain,
        student=candidate.student,
        baseline_package=baseline.package,
        measured=measurement.outputs["facts"],
        choice=candidate.choice,
        candidate_version=candidate.version,
        serving_version=baseline.serving_version,
        baseline_name=parameters.baseline_name,
        config=parameters.gate_config,
    )
