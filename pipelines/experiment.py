"""One look at the running experiment: collect its logs, decide, move traffic. No other pipeline moves traffic."""

from kfp import dsl

from components.experiment.component import begin_look, collect_logs, decide_experiment
from components.experiment.plan import ExperimentPlan
from components.release.component import move_traffic
from pipelines.parameters import describe_parameters
from pipelines.resources import add_step


@dsl.pipeline(name="experiment", description="One look at the running canary: evidence, verdict, traffic")
@describe_parameters
def experiment(plan: str = ExperimentPlan.paper().to_json(), now: str = "", shards: list = ["0/1"]):  # noqa: B006
    look = add_step("experiment", begin_look, now=now)
    with dsl.ParallelFor(items=shards, name="shards-of-logs") as shard:
        logs = add_step("experiment", collect_logs, look=look.outputs["look"], shard=shard)
    sums = dsl.Collected(logs.outputs["sums"])
    decision = add_step("experiment", decide_experiment, look=look.outputs["look"], sums=sums, plan=plan)
    add_step("release", move_traffic, verdict=decision.outputs["verdict"])
