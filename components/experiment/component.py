"""The steps of an experiment: what is looked at, its logs in shards, the decision. Moving traffic is the release's."""

from kfp import dsl

from components.images import student_step


@student_step()
def begin_look(now: str, look: dsl.Output[dsl.Artifact], facts: dsl.Output[dsl.Metrics]):
    import json
    from pathlib import Path

    from components.experiment.look import begin
    from components.step_result import StepResult, record

    current = begin(now)
    Path(look.path).write_text(json.dumps(current.to_json()))
    headline = current.experiment.experiment_id if current.experiment else "no experiment is running"
    record(facts, StepResult(rows_in=0, rows_out=0, headline=headline))


@student_step()
def collect_logs(
    look: dsl.Input[dsl.Artifact], shard: str, sums: dsl.Output[dsl.Dataset], facts: dsl.Output[dsl.Metrics]
):
    import json
    from pathlib import Path

    from components.experiment.look import Look, collect
    from components.experiment.report import summarize_logs
    from components.step_result import record

    current = Look.from_json(json.loads(Path(look.path).read_text()))
    record(facts, summarize_logs(collect(current, shard, Path(sums.path))))


@student_step()
def decide_experiment(
    look: dsl.Input[dsl.Artifact],
    sums: dsl.Input[list[dsl.Dataset]],
    plan: str,
    merged: dsl.Output[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    import json
    from pathlib import Path

    from components.experiment.look import Look, decide
    from components.experiment.plan import ExperimentPlan
    from components.experiment.report import experiment_page, summarize_verdict
    from components.step_result import record

    current = Look.from_json(json.loads(Path(look.path).read_text()))
    shards = [Path(part.path) for part in sums]
    result = decide(current, shards, ExperimentPlan.from_json(plan), Path(merged.path))
    Path(verdict.path).write_text(json.dumps(result.to_json(), allow_nan=False))
    Path(report.path).write_text(experiment_page(result.to_json()))
    record(facts, summarize_verdict(result))
    return result.verdict
