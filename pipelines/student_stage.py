"""The third stage of `retrain`: distil a student, train a plain one beside it, score both, choose the candidate."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.packaging import component as packaging
from components.release import component as release
from components.student import component as student
from pipelines.data_stage import Tables
from pipelines.resources import add_step
from pipelines.teacher_stage import TeacherOutputs


@dataclass(frozen=True)
class Candidate:
    """Both students, and of the chosen one: name, version, valid predictions, and why."""

    lrkd: PipelineChannel
    plain: PipelineChannel
    student: PipelineChannel
    version: PipelineChannel
    predictions: PipelineChannel
    choice: PipelineChannel


def student_stage(parameters: SimpleNamespace, tables: Tables, teacher: TeacherOutputs) -> Candidate:
    """Train, package and score the distilled and the plain student, and choose one of them."""
    lrkd_model = train(parameters.student_config, tables, teacher.embeddings)
    plain_model = train(parameters.plain_config, tables, teacher.embeddings)
    lrkd_package = package(lrkd_model, tables, teacher.embeddings).outputs["package"]
    plain_package = package(plain_model, tables, teacher.embeddings).outputs["package"]
    choice = add_step(
        "data",
        release.choose_student,
        lrkd=lrkd_package,
        plain=plain_package,
        lrkd_predictions=predict(lrkd_package, tables),
        plain_predictions=predict(plain_package, tables),
        refusal=teacher.refusal,
        config=parameters.gate_config,
    )
    outputs = (choice.outputs[name] for name in ("student", "Output", "predictions", "choice"))
    return Candidate(lrkd_package, plain_package, *outputs)


def train(config: PipelineChannel, tables: Tables, embeddings: PipelineChannel) -> PipelineTask:
    """Train one student."""
    return add_step(
        "lrkd", student.train_student, training_set=tables.training_set, embeddings=embeddings, config=config
    )


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
