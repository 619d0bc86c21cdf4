"""The steps of an experiment: collect its logs, decide. What a decision moves is the release's to do."""

from kfp import dsl

from components.images import student_step


@student_step()
def collect_logs(
    now: str, users: dsl.Output[dsl.Dataset], evidence: dsl.Output[dsl.Artifact], facts: dsl.Output[dsl.Metrics]
):
    from pathlib import Path

    from components.experiment.look import collect_evidence
    from components.experiment.report import logs_facts
    from components.facts import record

    record(facts, logs_facts(collect_evidence(now, Path(users.path), Path(evidence.path))))


@student_step()
def decide_experiment(
    users: dsl.Input[dsl.Dataset],
    evidence: dsl.Input[dsl.Artifact],
    plan: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from pathlib import Path

    from components.experiment.look import decide
    from components.experiment.report import experiment_page, verdict_facts
    from components.facts import record

    found = decide(Path(users.path), Path(evidence.path), plan, Path(verdict.path))
    Path(report.path).write_text(experiment_page(found))
    record(facts, verdict_facts(found))
    return found["verdict"]
