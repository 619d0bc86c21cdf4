"""Steps of labels from clicks: hold them to people's, and set them beside a teacher's."""

from kfp import dsl

from components.images import student_step


@student_step()
def qualify_clicks(
    clicks: dsl.Input[dsl.Dataset],
    plain: dsl.Input[dsl.Dataset],
    serving: dsl.Input[dsl.Dataset],
    config: str,
    bootstrap: str,
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.step_result import record
    from components.teacher.click_qualification import qualify_clicks
    from components.teacher.config import read_bounds

    result, refusal = qualify_clicks(clicks.path, (plain.path, serving.path), *read_bounds(config, bootstrap))
    record(facts, result)
    return refusal


@student_step()
def add_click_labels(
    clicks: dsl.Input[dsl.Dataset],
    unjudged: dsl.Input[dsl.Dataset],
    labels: dsl.Input[dsl.Dataset],
    refusal: str,
    pairs: dsl.Output[dsl.Dataset],
    all_labels: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.click_labels import LabelSources, add_click_labels

    tables = LabelSources(clicks.path, unjudged.path, labels.path)
    record(facts, add_click_labels(tables, refusal, (pairs.path, all_labels.path)))
