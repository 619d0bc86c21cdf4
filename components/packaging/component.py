"""Steps of packaging: the package, the baseline's package, predictions of a split, two packages side by side."""

from kfp import dsl

from components.images import student_step


@student_step()
def package_student(
    student: dsl.Input[dsl.Model],
    embeddings: dsl.Input[dsl.Dataset],
    training_set: dsl.Input[dsl.Dataset],
    package: dsl.Output[dsl.Model],
    card: dsl.Output[dsl.Markdown],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from pathlib import Path

    from components.artifact_metadata import model_card_text, package_metadata
    from components.packaging.package import make_package
    from components.step_result import record

    result = make_package(student.path, embeddings.path, training_set.path, package.path)
    package.metadata.update(package_metadata(package.path))
    Path(card.path).write_text(model_card_text(package.path))
    record(facts, result)
    return result.details["version"]


@student_step()
def baseline_package(
    serving_version: str,
    training_set: dsl.Input[dsl.Dataset],
    config: str,
    package: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.artifact_metadata import package_metadata
    from components.packaging.baseline import make_baseline
    from components.step_result import record
    from components.student.config import LrkdConfig

    result = make_baseline(serving_version, training_set.path, LrkdConfig.from_json(config), package.path)
    package.metadata.update(package_metadata(package.path))
    record(facts, result)
    return result.details["version"]


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
    from components.packaging.evaluate import predict
    from components.step_result import record

    result = predict(package.path, training_set.path, split, predictions.path)
    classification.log_confusion_matrix(list(LABELS), result.details["confusion"])
    classification.log_roc_curve(*result.details["roc"])
    Path(classification.path).write_text(str(result.details["confusion"]))
    record(facts, result)


@student_step()
def compare_packages(
    lrkd: dsl.Input[dsl.Model],
    plain: dsl.Input[dsl.Model],
    student: str,
    baseline: dsl.Input[dsl.Model],
    training_set: dsl.Input[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.chosen_student import choose_artifact
    from components.packaging import benchmark
    from components.step_result import record

    candidate = choose_artifact(student, lrkd, plain)
    record(facts, benchmark.compare_packages(candidate.path, baseline.path, training_set.path))
