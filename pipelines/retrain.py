"""The nightly pipeline: from judgements to a canary without traffic. Only `experiment` moves traffic."""

from types import SimpleNamespace
from typing import List  # noqa: UP035  kfp reads this spelling alone

from kfp import dsl

from pipelines.data_stage import data_stage
from pipelines.parameters import describe_parameters
from pipelines.profile import Profile
from pipelines.profiles import paper
from pipelines.release_stage import prepare_baseline, release_stage
from pipelines.student_stage import student_stage
from pipelines.teacher_stage import teacher_stage

DEFAULT: Profile = paper()


def run_stages(parameters: SimpleNamespace) -> None:
    """Add the stages to the pipeline, one behind the other."""
    tables = data_stage(parameters)
    baseline = prepare_baseline(parameters, tables)
    teacher = teacher_stage(parameters, tables, baseline.predictions)
    candidate = student_stage(parameters, tables, teacher, baseline.predictions)
    release_stage(parameters, tables, teacher, candidate, baseline)


@dsl.pipeline(name="retrain", description="Judgements to rationales, teacher, student, package, gate and a dark canary")
@describe_parameters
def retrain(
    source: str = "s3:///sources/judgements",  # of the platform's bucket
    columns: str = "",
    unjudged: str = "",  # "": what pages showed
    unjudged_pairs: int = DEFAULT.unjudged_pairs,
    click_judgements: str = DEFAULT.click_judgements,
    as_of: str = "",  # of the features; "": when the step runs
    logs_prefix: str = "logs",
    prepare_config: str = DEFAULT.prepare.to_json(),
    audited: str = "",
    audit_config: str = DEFAULT.audit.to_json(),
    base_model: str = DEFAULT.base_model,
    exemplar_pairs: int = DEFAULT.exemplar_pairs,
    cold_start_config: str = DEFAULT.cold_start.to_json(),
    engine_config: str = DEFAULT.engine.to_json(),
    shards: List[str] = DEFAULT.shards,
    sampling_config: str = DEFAULT.sampling.to_json(),
    sft_config: str = DEFAULT.sft.to_json(),
    dpo_config: str = DEFAULT.dpo.to_json(),
    final_config: str = DEFAULT.final.to_json(),
    before_config: str = DEFAULT.before.to_json(),
    held_out_config: str = DEFAULT.held_out.to_json(),
    held_out_engine_config: str = DEFAULT.held_out_engine.to_json(),
    compare_config: str = DEFAULT.compare.to_json(),
    qualification_config: str = DEFAULT.qualification.to_json(),
    teacher_labels_config: str = DEFAULT.teacher_labels.to_json(),
    labelling_config: str = DEFAULT.labelling.to_json(),
    labelling_engine_config: str = DEFAULT.labelling_engine.to_json(),
    embedder: str = DEFAULT.embedder,
    student_config: str = DEFAULT.student.to_json(),
    plain_config: str = DEFAULT.plain.to_json(),
    first_baseline_config: str = DEFAULT.first_baseline.to_json(),
    gate_config: str = DEFAULT.gate.to_json(),
    baseline_name: str = "the version that serves",
):
    run_stages(SimpleNamespace(**locals()))  # by name
