"""Step of the features: build them, fill the store, join the training set, in one process."""

from kfp import dsl

from components.images import student_step


@student_step()
def build_features(
    judgements: dsl.Input[dsl.Dataset],
    items: dsl.Input[dsl.Dataset],
    logs_prefix: str,
    as_of: str,
    features: dsl.Output[dsl.Model],
    training_set: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.features.night import build_night
    from components.step_result import record

    outputs = (features.path, training_set.path)
    record(facts, build_night((judgements.path, items.path), logs_prefix, as_of, outputs))
