"""One look at the running experiment: collect its logs, decide, move traffic. Nothing else moves traffic."""

from kfp import dsl

from components.experiment.component import begin_look, collect_logs, decide_experiment
from components.experiment.plan import ExperimentPlan
from components.release.component import move_traffic
from pipelines import resources


@dsl.pipeline(name="experiment", description="One look at the running canary: evidence, verdict, traffic")
def experiment(plan: str = ExperimentPlan.paper().to_json(), now: str = "", shards: list = ["0/1"]):  # noqa: B006
    look = begin_look(now=now)
    look.set_display_name("begin look")
    with dsl.ParallelFor(items=shards, name="shards-of-logs") as shard:
        logs = collect_logs(look=look.outputs["look"], shard=shard)
        logs.set_display_name("collect logs")
    sums = dsl.Collected(logs.outputs["sums"])
    decision = decide_experiment(look=look.outputs["look"], sums=sums, plan=plan)
    decision.set_display_name("decide")
    moved = move_traffic(verdict=decision.outputs["verdict"])
    moved.set_display_name("move traffic")
    for task in (look, logs, decision):  # what they read lies outside, where no cache key sees it
        resources.place(task, "experiment")
    resources.place(moved, "release")
