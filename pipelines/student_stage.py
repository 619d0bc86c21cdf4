"""The third stage of `retrain`: distil the student, train a plain one beside it, package and score both."""

from dataclasses import dataclass
from types import SimpleNamespace

from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.packaging import component as packaging
from components.student import component as student
from pipelines.data_stage import Tables
from pipelines.resources import add_step


@dataclass(frozen=True)
class Candidate:
    """A packaged student, its version, and its predictions on the valid split."""

    package: PipelineChannel
    version: PipelineChannel
    predictions: PipelineChannel


def student_stage(parameters: SimpleNamespace, tables: Tables, embeddings: PipelineChannel) -> Candidate:
    """Train, package and score the distilled student, and a plain one for the report."""
    candidate_model = train(parameters.student_config, tables, embeddings)
    plain_model = train(parameters.plain_config, tables, embeddings)
    candidate_package = package(candidate_model, tables, embeddings)
    plain_package = package(plain_model, tables, embeddings)
    predictions = predict(candidate_package.outputs["package"], tables)
    predict(plain_package.outputs["package"], tables)
    return Candidate(candidate_package.outputs["package"], candidate_package.outputs["Output"], predictions)


def train(config: PipelineChannel, tables: Tables, embeddings: PipelineChannel) -> PipelineTask:
    """Train one student."""
    return add_step(
        "lrkd", student.train_student, training_set=tables.training_set, embeddings=embeddings, config=config
    )


def package(model: PipelineTask, tables: Tables, embeddings: PipelineChannel) -> PipelineTask:
    """Package one student."""
    return add_step(
        "student",
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
