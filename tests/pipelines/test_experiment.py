"""The experiment's pipeline, as it is compiled."""

import yaml
from kfp import compiler

from components.experiment.plan import ExperimentPlan
from pipelines.experiment import experiment


def compile_experiment(tmp_path):
    compiler.Compiler().compile(experiment, str(tmp_path / "experiment.yaml"))
    return next(yaml.safe_load_all((tmp_path / "experiment.yaml").read_text()))


def test_no_step_of_an_experiment_is_ever_cached(tmp_path):
    tasks = compile_experiment(tmp_path)["root"]["dag"]["tasks"]
    assert tasks.keys() == {"begin-look", "for-loop-1", "decide-experiment", "move-traffic"}
    for name in tasks.keys() - {"for-loop-1"}:
        assert not tasks[name]["cachingOptions"].get("enableCache"), name


def test_without_another_plan_the_paper_plan_holds(tmp_path):
    plan = compile_experiment(tmp_path)["root"]["inputDefinitions"]["parameters"]["plan"]["defaultValue"]
    assert ExperimentPlan.from_json(plan) == ExperimentPlan.paper()
