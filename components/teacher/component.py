"""Steps of the teacher: start, SFT, preference pairs, DPO, qualification, labels, evaluation page."""

from kfp import dsl

from components.images import student_step, teacher_step


@teacher_step()
def start_teacher(
    exemplars: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    base: str,
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.config import SftConfig
    from components.teacher.sft import start

    record(facts, start(exemplars.path, judgements.path, base, SftConfig.from_json(config), model.path))


@teacher_step()
def fine_tune(
    rationales: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    base: dsl.Input[dsl.Model],
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.config import SftConfig
    from components.teacher.sft import sft

    record(facts, sft(rationales.path, judgements.path, base.path, SftConfig.from_json(config), model.path))


@teacher_step()
def mine_preference_pairs(
    rationales: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    pairs: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.pairs import mine

    record(facts, mine(rationales.path, judgements.path, model.path, pairs.path))


@teacher_step()
def optimise_preferences(
    pairs: dsl.Input[dsl.Dataset],
    base: dsl.Input[dsl.Model],
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.config import DpoConfig
    from components.teacher.dpo import dpo

    record(facts, dpo(pairs.path, base.path, DpoConfig.from_json(config), model.path))


@student_step()
def qualify_teacher(
    rationales: dsl.Input[dsl.Dataset],
    quarantine: dsl.Input[dsl.Dataset],
    rated: dsl.Input[dsl.Metrics],
    predictions: dsl.Input[dsl.Dataset],
    config: str,
    bootstrap: str,
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.settings import Settings
    from components.step_result import record
    from components.teacher.config import read_bounds
    from components.teacher.held_out import HeldOutTables, qualify_teacher

    tables = HeldOutTables(rationales.path, quarantine.path, rated.path, predictions.path)
    result, refusal = qualify_teacher(tables, *read_bounds(config, bootstrap), Settings().usd_per_hour)
    record(facts, result)
    return refusal


@student_step()
def permit_teacher(refusal: str, permit: dsl.Output[dsl.Artifact], facts: dsl.Output[dsl.Metrics]):
    from components.step_result import record
    from components.teacher.held_out import write_permit

    record(facts, write_permit(refusal, permit.path))


@student_step()
def plan_labels(
    unjudged: dsl.Input[dsl.Dataset], config: str, permit: dsl.Output[dsl.Artifact], facts: dsl.Output[dsl.Metrics]
):
    from components.step_result import record
    from components.teacher.config import TeacherLabelsConfig
    from components.teacher.teacher_labels import plan_labels, write_plan

    reason = plan_labels(unjudged.path, TeacherLabelsConfig.from_json(config))
    record(facts, write_plan(reason, permit.path))


@student_step()
def qualify_labels(
    rationales: dsl.Input[dsl.Dataset],
    quarantine: dsl.Input[dsl.Dataset],
    plain: dsl.Input[dsl.Dataset],
    serving: dsl.Input[dsl.Dataset],
    plan: dsl.Input[dsl.Artifact],
    config: str,
    bootstrap: str,
    facts: dsl.Output[dsl.Metrics],
) -> str:
    from components.step_result import record
    from components.teacher.config import read_bounds
    from components.teacher.label_qualification import LabelTables, qualify_night

    tables = LabelTables(rationales.path, quarantine.path, plain.path, serving.path)
    result, refusal = qualify_night(tables, plan.path, *read_bounds(config, bootstrap))
    record(facts, result)
    return refusal


@student_step()
def label_unjudged(
    rationales: dsl.Input[dsl.Dataset],
    quarantine: dsl.Input[dsl.Dataset],
    generated: dsl.Input[dsl.Metrics],
    permit: dsl.Input[dsl.Artifact],
    config: str,
    labels: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.step_result import record
    from components.teacher.config import TeacherLabelsConfig
    from components.teacher.teacher_labels import label_unjudged

    tables = (rationales.path, quarantine.path)
    labels_config = TeacherLabelsConfig.from_json(config)
    record(facts, label_unjudged(tables, permit.path, generated.path, labels_config, labels.path))


@student_step()
def report_teacher(
    before: dsl.Input[dsl.Dataset],
    before_refused: dsl.Input[dsl.Dataset],
    tuned: dsl.Input[dsl.Dataset],
    tuned_refused: dsl.Input[dsl.Dataset],
    hardened: dsl.Input[dsl.Dataset],
    hardened_refused: dsl.Input[dsl.Dataset],
    sampled: dsl.Input[dsl.Metrics],
    sft: dsl.Input[dsl.Metrics],
    dpo: dsl.Input[dsl.Metrics],
    final: dsl.Input[dsl.Metrics],
    audit: dsl.Input[dsl.Metrics],
    qualified: dsl.Input[dsl.Metrics],
    config: str,
    page: dsl.Output[dsl.HTML],
    facts: dsl.Output[dsl.Metrics],
):
    from components.metrics import BootstrapConfig
    from components.step_result import record
    from components.teacher.compare import STAGES
    from components.teacher.report import report

    rationales = (before.path, tuned.path, hardened.path)
    quarantine = (before_refused.path, tuned_refused.path, hardened_refused.path)
    held_out = dict(zip(STAGES, zip(rationales, quarantine, strict=True), strict=True))
    steps = {"sampled": sampled, "sft": sft, "dpo": dpo, "final": final, "audit": audit, "qualified": qualified}
    paths = {name: metrics.path for name, metrics in steps.items()}
    record(facts, report(held_out, paths, BootstrapConfig.from_json(config), page.path))
