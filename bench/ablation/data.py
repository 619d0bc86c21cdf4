"""What the ablation's students learn from: judgements, and rationales of the teacher at each stage of its training."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.figures import once
from bench.teacher.measure import market, release
from bench.teacher.train_teacher import Teacher
from components import contracts, storage
from components.pretrained import save_base_model
from components.rationales.embed import embed
from components.rationales.exemplars import exemplars
from components.rationales.generate import generate
from components.rationales.pair_selection import select_pairs
from components.rationales.sampler import GenerateConfig
from pipelines.local.processes import Laptop
from pipelines.profiles import laptop
from testing.servers import environment

TEACHERS = Path("runs/bench/teacher")
STAGES = {"sft": "tuned", "dpo": "hardened"}
EXPLAINED = 1500  # train pairs of the marketplace, three in ten, that every stage of the teacher writes rationales for


@dataclass(frozen=True)
class Rationales:
    """A set's training pairs, and rationale embeddings for them by kind, each made once, below a folder."""

    judgements: Path
    folder: Path
    teacher: Path  # a folder of bench.teacher.train_teacher
    pairs: int = 0  # so many train pairs have rationales, equally of each label; 0: all

    @property
    def training_set(self) -> Path:
        """TRAINING_SET of the judgements; the student reads no numbers here."""
        path = self.folder / "training_set"
        if not path.exists():
            blank = dict.fromkeys(contracts.FEATURES, 0.0)
            rows = contracts.read_batches(contracts.JUDGEMENTS, self.judgements)
            contracts.write_batches((row | blank for row in rows), contracts.TRAINING_SET, path)
        return path

    def embeddings(self, kind: str) -> Path:
        """RATIONALE_EMBEDDINGS of none, base, sft, dpo, rule or shuffled, and, once, what a probe reads from them."""
        if kind == "none":  # nothing is read of them but their width
            return self.embeddings("rule")
        path = self.folder / f"embeddings-{kind}"
        if not path.exists():
            if kind == "shuffled":
                contracts.write(shuffled(self.embeddings("dpo")), contracts.RATIONALE_EMBEDDINGS, path)
            else:
                embed(self.rationales(kind), laptop().embedder, path)
        once(self.folder / f"probe-{kind}.json", lambda: probe(path))
        return path

    def rationales(self, kind: str) -> Path:
        """RATIONALES of a kind for the train pairs."""
        path = self.folder / f"rationales-{kind}"
        if path.exists():
            return path
        if kind == "rule":
            train = select_pairs(contracts.read_batches(contracts.JUDGEMENTS, self.judgements), "train", self.pairs)
            contracts.write_batches(exemplars(train), contracts.RATIONALES, path)
            return path
        return with_storage(self.folder, lambda: self.written(kind, path))

    def written(self, kind: str, path: Path) -> Path:
        """One rationale a pair by the teacher at this stage; the base model is shown examples, and forced."""
        profile, (model, config, engine) = laptop(), self.asked(kind)
        asked = replace(config, split="train", pairs=self.pairs, shard_requests=profile.final.shard_requests)
        out = path.with_name(f"{path.name}.unfinished"), path.with_name(f"quarantine-{kind}")
        said = generate(self.judgements, model, (asked, engine), "0/1", out).to_dict()
        path.with_name(f"rationales-{kind}.json").write_text(json.dumps(said, default=str))
        out[0].replace(path)
        return path

    def asked(self, kind: str) -> tuple[Path, GenerateConfig, object]:
        """Which model is asked, how, and by which engine."""
        profile = laptop()
        if kind == "base":
            model = self.teacher.parent / "base" / "base"
            if not model.exists():
                save_base_model(profile.base_model, model)
            engine = replace(profile.engine, use_grammar=True, characters=100, max_length=640)
            return model, GenerateConfig(prompt="few_shot", max_samples=1, attempts=1), engine
        if not (self.teacher / f"{STAGES[kind]}.json").exists():
            self.teacher.mkdir(parents=True, exist_ok=True)
            Teacher(self.judgements, self.teacher, 0, 0).taught()
        return self.teacher / STAGES[kind], profile.final, profile.engine


def marketplace_tables(folder: Path) -> Rationales:
    """The laptop profile's marketplace."""
    TEACHERS.mkdir(parents=True, exist_ok=True)
    return replace(tables(market(TEACHERS), folder / "marketplace"), pairs=EXPLAINED)


def esci_tables(folder: Path, source: Path) -> Rationales:
    """ESCI's judgements."""
    TEACHERS.mkdir(parents=True, exist_ok=True)
    return tables(release(TEACHERS, source), folder / "esci")


def tables(judgements: Path, folder: Path) -> Rationales:
    """Where a set's rationales lie, and its first seed's teacher."""
    folder.mkdir(parents=True, exist_ok=True)
    return Rationales(judgements, folder, judgements.parent / "0")


def with_storage(folder: Path, make: Callable[[], Path]) -> Path:
    """Do something that stores completions, on an S3 of its own, and forget that again: the next has another port."""
    with Laptop(folder / "state", folder) as machine:
        machine.start_s3()
        with environment(**machine.environment):
            storage.ensure_bucket()
            return make()


def shuffled(path: Path) -> list[dict]:
    """The same rationales, each given to another pair: what a placebo is."""
    rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, path)
    order = np.random.default_rng(0).permutation(len(rows))
    told = ("embedding", "label_probabilities", "text", "predicted_label", "perspective")
    return [row | {name: rows[other][name] for name in told} for row, other in zip(rows, order, strict=True)]


def probe(path: Path) -> dict:
    """How well a linear probe reads the judged label from the embeddings, on queries it has not seen (5 folds).

    Rationales that spell the label prove nothing, and rationales from which it cannot be read can teach little.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, path)
    vectors, labels = np.array([row["embedding"] for row in rows]), [row["label"] for row in rows]
    groups = [row["query_id"] for row in rows]
    said = cross_val_predict(LogisticRegression(max_iter=2000), vectors, labels, groups=groups, cv=GroupKFold(5))
    right = np.mean([row["label"] == row["predicted_label"] for row in rows])
    return {
        "rationales": len(rows),
        "right": round(float(right), 4),
        "probe_accuracy": round(float(accuracy_score(labels, said)), 4),
        "probe_macro_f1": round(float(f1_score(labels, said, average="macro")), 4),
    }
