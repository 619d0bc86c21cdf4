"""The steps of a release: choose a student, gate, register, start the canary; and the one step that moves traffic."""

from kfp import dsl

from components.images import student_step


@student_step()
def read_serving_version(facts: dsl.Output[dsl.Metrics]) -> str:
    from components.release_store import read_state
    from components.step_result import StepResult, record

    version = read_state().stable or ""
    record(facts, StepResult(1, 1, headline=version or "nothing serves yet"))
    return version


@student_step()
def choose_student(
    lrkd: dsl.Input[dsl.Model],
    plain: dsl.Input[dsl.Model],
    lrkd_predictions: dsl.Input[dsl.Dataset],
    plain_predictions: dsl.Input[dsl.Dataset],
    refusal: str,
    config: str,
    predictions: dsl.Output[dsl.Dataset],
    choice: dsl.Output[dsl.Artifact],
    facts: dsl.Output[dsl.Metrics],
    student: dsl.OutputPath(str),
) -> str:
    from pathlib import Path

    from components.release.choose import ScoredStudent, choice_result, choose_student
    from components.release.gate import GateConfig
    from components.step_result import record

    students = ScoredStudent(lrkd.path, lrkd_predictions.path), ScoredStudent(plain.path, plain_predictions.path)
    student_choice = choose_student(*students, refusal, GateConfig.from_json(config), predictions.path)
    Path(choice.path).write_text(student_choice.to_json_text())
    Path(student).write_text(student_choice.student)
    result = choice_result(student_choice, *students)
    record(facts, result)
    return result.details["version"]


@student_step()
def gate_candidate(
    candidate: dsl.Input[dsl.Dataset],
    baseline: dsl.Input[dsl.Dataset],
    lrkd_package: dsl.Input[dsl.Model],
    plain_package: dsl.Input[dsl.Model],
    student: str,
    baseline_package: dsl.Input[dsl.Model],
    measured: dsl.Input[dsl.Metrics],
    choice: dsl.Input[dsl.Artifact],
    candidate_version: str,
    serving_version: str,
    baseline_name: str,
    config: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from pathlib import Path

    from components.chosen_student import choose_artifact
    from components.release.gate import GateConfig, Versions, run_gate
    from components.release.gate_evidence import read_evidence
    from components.release.report import gate_page, gate_result
    from components.step_result import record

    candidate_package = choose_artifact(student, lrkd_package, plain_package)
    evidence = read_evidence(measured.path, candidate_package.path, baseline_package.path, choice.path)
    versions = Versions(candidate_version, serving_version)
    result = run_gate(candidate.path, baseline.path, GateConfig.from_json(config), versions, evidence)
    Path(verdict.path).write_text(result.to_json_text())
    Path(report.path).write_text(gate_page(result, baseline_name))
    record(facts, gate_result(result, baseline_name))
    return result.verdict


@student_step()
def record_night(
    verdict: dsl.Input[dsl.Artifact],
    sampled: dsl.Input[dsl.Metrics],
    final: dsl.Input[dsl.Metrics],
    started: dsl.Input[dsl.Model],
    tuned: dsl.Input[dsl.Model],
    hardened: dsl.Input[dsl.Model],
    candidate: dsl.Input[dsl.Dataset],
    baseline: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    rationales: dsl.Input[dsl.Dataset],
    held_out: dsl.Input[dsl.Dataset],
    clicks_qualified: dsl.Input[dsl.Metrics],
    clicks_added: dsl.Input[dsl.Metrics],
    facts: dsl.Output[dsl.Metrics],
):
    import json
    from pathlib import Path

    from components.release.comparison import ComparisonTables
    from components.release.gate_verdict import GateVerdict
    from components.release.training_run import NightOutputs, artifacts_root, read_clicks, record_night
    from components.settings import Settings
    from components.step_result import StepResult, record

    usages = [json.loads(Path(step.path).read_text())["used"] for step in (sampled, final)]
    gate_verdict = GateVerdict.from_json(Path(verdict.path).read_text())
    teachers = [model.path for model in (started, tuned, hardened)]
    comparison = ComparisonTables(candidate.path, baseline.path, judgements.path, (rationales.path, held_out.path))
    clicks = read_clicks(clicks_qualified.path, clicks_added.path)
    outputs = NightOutputs(teachers, artifacts_root(facts.uri, "record-night"), comparison, clicks)
    night = record_night(gate_verdict, usages, Settings().usd_per_hour, outputs)
    record(facts, StepResult(0, 0, headline=night.verdict))


@student_step()
def sweep_nights(facts: dsl.Output[dsl.Metrics]):
    from components.release.sweep import sweep_nights
    from components.settings import Settings
    from components.step_result import record

    record(facts, sweep_nights(Settings().keep_nights).to_step_result())


@student_step()
def register_baseline(package: dsl.Input[dsl.Model], facts: dsl.Output[dsl.Metrics]) -> str:
    from components.release.candidate import register_baseline
    from components.release.registry_mirror import note_model_registry
    from components.step_result import record

    result = register_baseline(package.path)
    record(facts, note_model_registry(result.to_step_result()))
    return result.version


@student_step()
def start_canary(
    lrkd: dsl.Input[dsl.Model],
    plain: dsl.Input[dsl.Model],
    student: str,
    verdict: dsl.Input[dsl.Artifact],
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from pathlib import Path

    from components.chosen_student import choose_artifact
    from components.release.candidate import start_canary
    from components.release.gate_verdict import GateVerdict
    from components.release.registry_mirror import note_model_registry
    from components.step_result import record

    package = choose_artifact(student, lrkd, plain)
    result = start_canary(package.path, GateVerdict.from_json(Path(verdict.path).read_text()))
    record(facts, note_model_registry(result.to_step_result()))
    return result.version if result.is_accepted else ""


@student_step()
def move_traffic(verdict: dsl.Input[dsl.Artifact], facts: dsl.Output[dsl.Metrics]) -> str:
    import json
    from pathlib import Path

    from components.release import canary
    from components.release.drivers import release_from_settings
    from components.release.registry_mirror import note_model_registry
    from components.step_result import record

    result = canary.move_traffic(json.loads(Path(verdict.path).read_text()), release_from_settings())
    record(facts, note_model_registry(result.to_step_result()))
    return result.action_taken
