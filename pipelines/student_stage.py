"""The third stage of `retrain`: train a plain student, distil another, score both, choose the candidate."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.packaging import component as packaging
from components.release import component as release
from components.student import component as student
from pipelines.data_stage import Tables
from pipelines.label_stage import label_stage
from pipelines.resources import add_step
from pipelines.teacher_stage import TeacherOutputs

NO_TABLES: Mapping = MappingProxyType({})


@dataclass(frozen=True)
class ScoredPackage:
    """A student's package, and its predictions of the valid split."""

    package: PipelineChannel
    predictions: PipelineChannel


@dataclass(frozen=True)
class Candidate:
    """Both students, and of the chosen one: name, version, valid predictions, and why."""

    lrkd: PipelineChannel
    plain: PipelineChannel
    student: PipelineChannel
    version: PipelineChannel
    predictions: PipelineChannel
    choice: PipelineChannel
    click_facts: tuple[PipelineChannel, PipelineChannel]  # how labels from clicks qualified, and what they gave


def plain_stage(parameters: SimpleNamespace, tables: Tables, teacher: TeacherOutputs) -> ScoredPackage:
    """Train, package and score the plain student, which learns from judgements alone."""
    model = train(parameters.plain_config, tables, teacher.embeddings)
    plain_package = package(model, tables, teacher.embeddings).outputs["package"]
    return ScoredPackage(plain_package, predict(plain_package, tables))


def student_stage(
    parameters: SimpleNamespace, tables: Tables, teacher: TeacherOutputs, serving_predictions: PipelineChannel
) -> Candidate:
    """Train, package and score the plain and the distilled student, and choose one of them.

    The plain one comes first: labels of unjudged pairs, by a teacher or clicks, are held to it.
    """
    plain = plain_stage(parameters, tables, teacher)
    extra = label_stage(parameters, tables, teacher, plain.predictions, serving_predictions)
    unjudged_tables = {"unjudged": extra.unjudged_pairs, "labels": extra.labels}
    lrkd_model = train(parameters.student_config, tables, teacher.embeddings, unjudged_tables)
    lrkd_package = package(lrkd_model, tables, teacher.embeddings).outputs["package"]
    choice = add_step(
        "data",
        release.choose_student,
        lrkd=lrkd_package,
        plain=plain.package,
        lrkd_predictions=predict(lrkd_package, tables),
        plain_predictions=plain.predictions,
        refusal=teacher.refusal,
        config=parameters.gate_config,
    )
    outputs = (choice.outputs[name] for name in ("student", "Output", "predictions", "choice"))
    return Candidate(lrkd_package, plain.package, *outputs, extra.click_facts)


def train(
    config: PipelineChannel,
    tables: Tables,
    embeddings: PipelineChannel,
    unjudged_tables: Mapping[str, PipelineChannel] = NO_TABLES,
) -> PipelineTask:
    """Train one student."""
    inputs = {"training_set": tables.training_set, "embeddings": embeddings, "config": config}
    return add_step("lrkd", student.train_student, **inputs, **unjudged_tables)


def package(model: PipelineTask, tables: Tables, embeddings: PipelineChannel) -> PipelineTask:
    """Package one student."""
    return add_step(
        "packaging",
        packaging.package_student,
        student=model.outputs["student"],
        embeddings=embeddings,
        training_set=tables.training_set,
    )


def predict(package: PipelineChannel, tables: Tables) -> PipelineChannel:
    """Score the valid split with a package, and return the predictions."""
    task = add_step(
        "student", packaging.predict_split, package=package, training_set=tables.training_set, split="valid"
    )
    return task.outputs["predictions"]
