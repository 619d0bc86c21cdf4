"""A run's whole configuration, and its parts that no component owns. It imports no torch."""

from dataclasses import dataclass, replace

from components.experiment.plan import ExperimentPlan
from components.judgements.audit import AuditConfig
from components.judgements.prepare import PrepareConfig
from components.metrics import BootstrapConfig
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig
from components.release.gate import GateConfig
from components.student.config import LrkdConfig
from components.teacher.config import DpoConfig, QualificationConfig, SftConfig, TeacherLabelsConfig

CHAT_TOKENS = 256  # of an answer
CHAT_REQUESTS = 8  # under way at once
CONFIGS = ("prepare", "audit", "cold_start", "engine", "sampling", "sft", "dpo", "final", "before", "held_out")
CONFIGS += ("held_out_engine", "compare", "qualification", "student", "plain", "first_baseline", "gate")
CONFIGS += ("teacher_labels", "labelling", "labelling_engine")
NAMED = ("base_model", "embedder", "exemplar_pairs", "shards", "unjudged_pairs", "click_judgements")


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
    asks_chat_model: bool = False  # labels come from a server by its URL: their steps need no GPU


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
    memory_gb: float = 0.0  # what a run takes at its highest
    fits_baseline: bool = False  # a first run's baseline: a fitted head on the frozen encoder, which costs little
    workers: int = 1  # machines that write rationales side by side
    compare: BootstrapConfig = BootstrapConfig()
    qualification: QualificationConfig = QualificationConfig()  # what a teacher has to be, to train anybody
    unjudged_pairs: int = 0  # that teach the student at most; 0: none
    teacher_labels: TeacherLabelsConfig = TeacherLabelsConfig()  # who labels them
    click_judgements: str = "off"  # or where a file of them lies
    audit: AuditConfig = AuditConfig()
    prepare: PrepareConfig = PrepareConfig()
    marketplace: Marketplace = Marketplace()
    traffic: Traffic = Traffic()
    cluster: Cluster = Cluster()

    @property
    def parameters(self) -> dict:
        """Return the arguments of `retrain` that a profile decides."""
        texts = {f"{name}_config": getattr(self, name).to_json() for name in CONFIGS}
        return texts | {name: getattr(self, name) for name in NAMED}

    def with_models(self, base_model: str = "", embedder: str = "", encoder: str = "") -> "Profile":
        """Return the same sizes with other models.

        "" leaves one as it is.
        """
        student = replace(self.student, encoder=encoder or self.student.encoder)
        models = {"base_model": base_model or self.base_model, "embedder": embedder or self.embedder}
        return replace(self, student=student, **models)

    @property
    def compiled_cluster(self) -> Cluster:
        """Return what is compiled: nobody needs a GPU to ask a server."""
        return replace(self.cluster, asks_chat_model=self.teacher_labels.teacher == "endpoint")

    @property
    def models(self) -> dict[str, str]:
        """Return the names of the models that a run reads, by what they are for."""
        return {"base_model": self.base_model, "embedder": self.embedder, "encoder": self.student.encoder}

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
    def labelling(self) -> GenerateConfig:
        """Return how a teacher is asked for labels: once from every perspective.

        A chat model is told what each perspective is; the tuned teacher knows their tags.
        """
        prompt = "few_shot" if self.teacher_labels.teacher == "endpoint" else "tag"
        asks_once = {"samples": 1, "max_samples": 1, "attempts": 1}
        return replace(self.final, split="valid", pairs=self.teacher_labels.pairs, prompt=prompt, **asks_once)

    @property
    def labelling_engine(self) -> EngineConfig:
        """Return the engine that labels: of the night's teacher, or of a chat model."""
        if self.teacher_labels.teacher == "endpoint":
            return EngineConfig(engine="chat", max_new_tokens=CHAT_TOKENS, temperature=0.0, batch_size=CHAT_REQUESTS)
        return self.held_out_engine

    @property
    def plain(self) -> LrkdConfig:
        """Return plain cross-entropy with the student's budget."""
        return replace(self.student, align_weight=0.0)

    @property
    def first_baseline(self) -> LrkdConfig:
        """Return the baseline of a first run, which saw half of the queries."""
        return replace(self.plain, train_share=0.5, epochs=0 if self.fits_baseline else self.plain.epochs)

    @property
    def first_baseline_name(self) -> str:
        """Return how the report names the baseline of a first run."""
        kind = "a fitted head on the frozen encoder" if self.fits_baseline else "plain cross-entropy"
        return f"last night's student ({kind}, half of the train queries)"
