"""Steps of the student: train, package, the baseline's package, score a split."""

from kfp import dsl

from components.images import student_step


@student_step()
def train_student(
    training_set: dsl.Input[dsl.Dataset],
    embeddings: dsl.Input[dsl.Dataset],
    config: str,
    student: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.student.model import LrkdConfig
    from components.student.train import train

    record(facts, train(training_set.path, embeddings.path, LrkdConfig.from_json(config), student.path))


@student_step()
def package_student(
    student: dsl.Input[dsl.Model],
    embeddings: dsl.Input[dsl.Dataset],
    training_set: dsl.Input[dsl.Dataset],
    package: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.facts import record
    from components.student.package import package as make

    said = make(student.path, embeddings.path, training_set.path, package.path)
    record(facts, said)
    return said["version"]


@student_step()
def baseline_package(
    serving_version: str,
    training_set: dsl.Input[dsl.Dataset],
    embeddings: dsl.Input[dsl.Dataset],
    config: str,
    package: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.facts import record
    from components.student.baseline import baseline
    from components.student.model import LrkdConfig

    config = LrkdConfig.from_json(config)
    said = baseline(serving_version, training_set.path, embeddings.path, config, package.path)
    record(facts, said)
    return said["version"]


@student_step()
def predict_split(
    package: dsl.Input[dsl.Model],
    training_set: dsl.Input[dsl.Dataset],
    split: str,
    predictions: dsl.Output[dsl.Dataset],
    classification: dsl.Output[dsl.ClassificationMetrics],
    facts: dsl.Output[dsl.Metrics],
):
    from pathlib import Path

    from components.contracts import LABELS
    from components.facts import record
    from components.student.evaluate import predict

    said = predict(package.path, training_set.path, split, predictions.path)
    classification.log_confusion_matrix(list(LABELS), said["confusion"])
    classification.log_roc_curve(*said["roc"])
    Path(classification.path).write_text(str(said["confusion"]))
    record(facts, said)


@student_step()
def compare_packages(
    candidate: dsl.Input[dsl.Model],
    baseline: dsl.Input[dsl.Model],
    training_set: dsl.Input[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.student.side_by_side import side_by_side

    record(facts, side_by_side(candidate.path, baseline.path, training_set.path))
