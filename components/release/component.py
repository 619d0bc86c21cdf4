"""The steps of a release: gate, register, start the canary; and the one step that moves traffic."""

from kfp import dsl

from components.images import student_step


@student_step()
def read_serving_version(facts: dsl.Output[dsl.Metrics]) -> str:
    from components.release_state import read_state
    from components.step_result import StepResult, record

    version = read_state().stable or ""
    record(facts, StepResult(1, 1, headline=version or "nothing serves yet"))
    return version


@student_step()
def gate_candidate(
    candidate: dsl.Input[dsl.Dataset],
    baseline: dsl.Input[dsl.Dataset],
    candidate_package: dsl.Input[dsl.Model],
    baseline_package: dsl.Input[dsl.Model],
    measured: dsl.Input[dsl.Metrics],
    candidate_version: str,
    serving_version: str,
    baseline_name: str,
    config: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    import json
    from pathlib import Path

    from components.release.gate import Beside, GateConfig, Versions, gate
    from components.release.label_shift import shifted_brands
    from components.release.report import gate_facts, gate_page
    from components.step_result import record

    shifted = shifted_brands(Path(candidate_package.path), Path(baseline_package.path))
    beside = Beside(json.loads(Path(measured.path).read_text()), shifted)
    versions = Versions(candidate_version, serving_version)
    found = gate(candidate.path, baseline.path, GateConfig.from_json(config), versions, beside)
    Path(verdict.path).write_text(json.dumps(found))
    Path(report.path).write_text(gate_page(found, baseline_name))
    record(facts, gate_facts(found, baseline_name))
    return found["verdict"]


@student_step()
def record_night(
    verdict: dsl.Input[dsl.Artifact],
    sampled: dsl.Input[dsl.Metrics],
    final: dsl.Input[dsl.Metrics],
    facts: dsl.Output[dsl.Metrics],
):
    import json
    from pathlib import Path

    from components.release.training_run import record_night
    from components.settings import Settings
    from components.step_result import record

    found, *used = (json.loads(Path(said.path).read_text()) for said in (verdict, sampled, final))
    night = record_night(found, used, Settings().usd_per_hour)
    record(facts, {"rows_in": 0, "rows_out": 0, "set_aside": 0, "figure": night["verdict"]})


@student_step()
def register_baseline(package: dsl.Input[dsl.Model], facts: dsl.Output[dsl.Metrics]) -> str:
    from components.release.candidate import register_baseline
    from components.step_result import record

    result = register_baseline(package.path)
    record(facts, result.to_step_result())
    return result.version


@student_step()
def start_canary(
    package: dsl.Input[dsl.Model], verdict: dsl.Input[dsl.Artifact], facts: dsl.Output[dsl.Metrics]
) -> str:
    import json
    from pathlib import Path

    from components.release.candidate import start_canary
    from components.step_result import record

    result = start_canary(package.path, json.loads(Path(verdict.path).read_text()))
    record(facts, result.to_step_result())
    return result.version if result.started else ""


@student_step()
def move_traffic(verdict: dsl.Input[dsl.Artifact], facts: dsl.Output[dsl.Metrics]) -> str:
    import json
    from pathlib import Path

    from components.release import canary
    from components.release.context import context_from_settings
    from components.step_result import record

    result = canary.move_traffic(json.loads(Path(verdict.path).read_text()), context_from_settings())
    record(facts, result.to_step_result())
    return result.action_taken
