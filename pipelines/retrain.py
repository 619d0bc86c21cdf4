"""The nightly pipeline: from judgements to a canary that takes no traffic yet. Only `experiment` moves traffic."""

from typing import List  # noqa: UP035  kfp reads this spelling alone

from kfp import dsl

from components.features import component as features
from components.judgements import component as judgements
from components.packaging import component as packaging
from components.rationales import component as rationales
from components.release import component as release
from components.settings import Settings
from components.student import component as student
from components.teacher import component as teacher
from pipelines import resources
from pipelines.profiles import Profile, paper

DEFAULT: Profile = paper()


def in_shards(name: str, shards: List[str], asked: dict) -> dsl.PipelineTask:
    """Ask for rationales on as many machines as there are shards, and gather what they wrote."""
    with dsl.ParallelFor(items=shards, name=name) as shard:
        part = resources.place(rationales.generate_rationales(**asked, shard=shard), "rationales")
    parts, refused, said = (dsl.Collected(part.outputs[name]) for name in ("rationales", "quarantine", "facts"))
    return resources.place(rationales.gather_rationales(parts=parts, refused=refused, said=said), "data")


@dsl.pipeline(name="retrain", description="Judgements to rationales, teacher, student, package, gate and a dark canary")
def retrain(
    source: str = "s3://broadfast/sources/judgements",
    columns: str = "",
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
    embedder: str = DEFAULT.embedder,
    student_config: str = DEFAULT.student.to_json(),
    plain_config: str = DEFAULT.plain.to_json(),
    first_baseline_config: str = DEFAULT.first_baseline.to_json(),
    gate_config: str = DEFAULT.gate.to_json(),
    baseline_name: str = "the version that serves",
):
    judged = judgements.prepare_judgements(source=source, columns=columns, config=prepare_config)
    table = judged.outputs["judgements"]
    featured = features.build_features(
        judgements=table, items=judged.outputs["items"], logs_prefix=logs_prefix, as_of=as_of
    )
    training_set = featured.outputs["training_set"]

    exemplars = rationales.write_exemplars(judgements=table, pairs=exemplar_pairs)
    started = teacher.start_teacher(
        exemplars=exemplars.outputs["rationales"], judgements=table, base=base_model, config=cold_start_config
    )
    sampled = in_shards(
        "sample",
        shards,
        {
            "judgements": table,
            "model": started.outputs["model"],
            "config": sampling_config,
            "engine": engine_config,
        },
    )
    tuned = teacher.fine_tune(
        rationales=sampled.outputs["rationales"],
        judgements=table,
        base=started.outputs["model"],
        config=sft_config,
    )
    conflicts = teacher.mine_preference_pairs(
        rationales=sampled.outputs["rationales"], judgements=table, model=tuned.outputs["model"]
    )
    hardened = teacher.optimise_preferences(
        pairs=conflicts.outputs["pairs"], base=tuned.outputs["model"], config=dpo_config
    )
    before, after_sft, after_dpo = (
        rationales.generate_rationales(
            judgements=table,
            model=stage.outputs["model"],
            config=asked,
            engine=held_out_engine_config,
            shard="0/1",
        )
        for stage, asked in ((started, before_config), (tuned, held_out_config), (hardened, held_out_config))
    )
    final = in_shards(
        "write-final",
        shards,
        {
            "judgements": table,
            "model": hardened.outputs["model"],
            "config": final_config,
            "engine": engine_config,
        },
    )
    audit = judgements.audit_labels(judgements=table, filled=audited, config=audit_config)
    judged_teacher = teacher.report_teacher(
        before=before.outputs["rationales"],
        before_refused=before.outputs["quarantine"],
        tuned=after_sft.outputs["rationales"],
        tuned_refused=after_sft.outputs["quarantine"],
        hardened=after_dpo.outputs["rationales"],
        hardened_refused=after_dpo.outputs["quarantine"],
        sampled=sampled.outputs["facts"],
        sft=tuned.outputs["facts"],
        dpo=hardened.outputs["facts"],
        final=final.outputs["facts"],
        audit=audit.outputs["facts"],
        config=compare_config,
    )
    embedded = rationales.embed_rationales(rationales=final.outputs["rationales"], embedder=embedder)
    embeddings = embedded.outputs["embeddings"]

    distilled = student.train_student(training_set=training_set, embeddings=embeddings, config=student_config)
    plain = student.train_student(training_set=training_set, embeddings=embeddings, config=plain_config)
    package = packaging.package_student(
        student=distilled.outputs["student"], embeddings=embeddings, training_set=training_set
    )
    plain_package = packaging.package_student(
        student=plain.outputs["student"], embeddings=embeddings, training_set=training_set
    )
    serving = release.read_serving_version()
    baseline = packaging.baseline_package(
        serving_version=serving.outputs["Output"],
        training_set=training_set,
        embeddings=embeddings,
        config=first_baseline_config,
    )
    candidate_scores = packaging.predict_split(
        package=package.outputs["package"], training_set=training_set, split="valid"
    )
    plain_scores = packaging.predict_split(  # beside it, for the report
        package=plain_package.outputs["package"], training_set=training_set, split="valid"
    )
    baseline_scores = packaging.predict_split(
        package=baseline.outputs["package"], training_set=training_set, split="valid"
    )
    measured = packaging.compare_packages(
        candidate=package.outputs["package"], baseline=baseline.outputs["package"], training_set=training_set
    )
    verdict = release.gate_candidate(
        candidate=candidate_scores.outputs["predictions"],
        baseline=baseline_scores.outputs["predictions"],
        candidate_package=package.outputs["package"],
        baseline_package=baseline.outputs["package"],
        measured=measured.outputs["facts"],
        candidate_version=package.outputs["Output"],
        serving_version=serving.outputs["Output"],
        baseline_name=baseline_name,
        config=gate_config,
    )
    kept = release.record_night(
        verdict=verdict.outputs["verdict"], sampled=sampled.outputs["facts"], final=final.outputs["facts"]
    )
    registered = release.register_baseline(package=baseline.outputs["package"])
    with dsl.If(verdict.outputs["Output"] == "release", name="no-worse-than-baseline"):  # for the graph;
        started_canary = release.start_canary(  # refuses by itself anything but release
            package=package.outputs["package"], verdict=verdict.outputs["verdict"]
        ).after(registered)

    placed = {
        "sources": (judged,),
        "data": (exemplars, conflicts, audit, judged_teacher),
        "features": (featured,),
        "rationales": (before, after_sft, after_dpo),
        "embeddings": (embedded,),
        "lrkd": (distilled, plain),
        "student": (
            package,
            plain_package,
            baseline,
            candidate_scores,
            plain_scores,
            baseline_scores,
            measured,
            verdict,
        ),
        "release": (serving, kept, registered, started_canary),
    }
    for row, tasks in placed.items():
        for task in tasks:
            resources.place(task, row)
    for row, task in (("sft", started), ("sft", tuned), ("dpo", hardened)):
        resources.place(task, row, Settings().training_gpus)
