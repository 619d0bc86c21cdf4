"""One look at the running experiment: collect its logs, decide, move traffic. Nothing else moves traffic."""

from kfp import dsl

from components.experiment.component import collect_logs, decide_experiment
from components.experiment.plan import ExperimentPlan
from components.release.component import move_traffic


@dsl.pipeline(name="experiment", description="One look at the running canary: evidence, verdict, traffic")
def experiment(plan: str = ExperimentPlan.paper().to_json(), now: str = ""):
    logs = collect_logs(now=now)
    logs.set_display_name("collect logs")
    decision = decide_experiment(users=logs.outputs["users"], evidence=logs.outputs["evidence"], plan=plan)
    decision.set_display_name("decide")
    moved = move_traffic(verdict=decision.outputs["verdict"])
    moved.set_display_name("move traffic")
    for task in (logs, decision, moved):  # what they read and move lies outside, where no cache key sees it change
        task.set_caching_options(False)
