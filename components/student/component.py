"""Step of the student: train it."""

from kfp import dsl

from components.images import student_step


@student_step()
def train_student(
    training_set: dsl.Input[dsl.Dataset],
    embeddings: dsl.Input[dsl.Dataset],
    config: str,
    student: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
    unjudged: dsl.Input[dsl.Dataset] = None,
    labels: dsl.Input[dsl.Dataset] = None,
):
    from components.step_result import record
    from components.student.config import LrkdConfig
    from components.student.train import train

    extra = tuple(table.path if table else "" for table in (unjudged, labels))
    record(facts, train(training_set.path, embeddings.path, LrkdConfig.from_json(config), student.path, extra))
