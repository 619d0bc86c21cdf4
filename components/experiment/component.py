"""The steps of an experiment: what is looked at, its logs in shards, the decision. Moving traffic is the release's."""

from kfp import dsl

from components.images import student_step


@student_step()
def begin_look(now: str, look: dsl.Output[dsl.Artifact], facts: dsl.Output[dsl.Metrics]):
    import json
    from pathlib import Path

    from components.experiment.look import begin
    from components.step_result import record

    found = begin(now)
    Path(look.path).write_text(json.dumps(found))
    figure = found["experiment"].get("experiment_id") or "no experiment is running"
    record(facts, {"rows_in": 0, "rows_out": 0, "set_aside": 0, "figure": figure})


@student_step()
def collect_logs(
    look: dsl.Input[dsl.Artifact], shard: str, sums: dsl.Output[dsl.Dataset], facts: dsl.Output[dsl.Metrics]
):
    import json
    from pathlib import Path

    from components.experiment.look import collect
    from components.experiment.report import logs_facts
    from components.step_result import record

    record(facts, logs_facts(collect(json.loads(Path(look.path).read_text()), shard, Path(sums.path))))


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

    from components.experiment.look import decide
    from components.experiment.report import experiment_page, verdict_facts
    from components.step_result import record

    asked = json.loads(Path(look.path).read_text())
    found = decide(asked, [Path(part.path) for part in sums], plan, Path(merged.path))
    Path(verdict.path).write_text(json.dumps(found, allow_nan=False))
    Path(report.path).write_text(experiment_page(found))
    record(facts, verdict_facts(found))
    return found["verdict"]
