"""What the ablation's students learn from: judgements, and rationales of each stage of the teacher."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.figures import once
from bench.storage import laptop_with_storage
from bench.teacher.measure import market, release
from bench.teacher.train_teacher import Teacher
from components import contracts
from components.pair_selection import select_pairs
from components.pretrained import save_base_model
from components.rationales.embed import embed
from components.rationales.engine import EngineConfig
from components.rationales.exemplars import exemplars
from components.rationales.generate import generate
from components.rationales.sampler import GenerateConfig
from pipelines.profiles import laptop

TEACHERS = Path("runs/bench/teacher")
STAGES = {"sft": "tuned", "dpo": "hardened"}
RATIONALE_PAIRS = 1500  # train pairs of the marketplace, three in ten, for which every teacher writes rationales
RATIONALE_COLUMNS = ("embedding", "label_probabilities", "text", "predicted_label", "perspective")


@dataclass(frozen=True)
class Rationales:
    """The training pairs of a set, and their rationale embeddings by kind, each made once."""

    judgements: Path
    folder: Path
    teacher: Path  # a folder of bench.teacher.train_teacher
    pairs: int = 0  # train pairs with rationales, equally of each label; 0: all

    @property
    def training_set(self) -> Path:
        """Return the path of TRAINING_SET, with features of zeros that no student reads."""
        path = self.folder / "training_set"
        if not path.exists():
            features = dict.fromkeys(contracts.FEATURES, 0.0)
            rows = contracts.read_batches(contracts.JUDGEMENTS, self.judgements)
            contracts.write_batches((row | features for row in rows), contracts.TRAINING_SET, path)
        return path

    def embeddings(self, kind: str) -> Path:
        """Return the path of RATIONALE_EMBEDDINGS of none, base, sft, dpo, rule or shuffled.

        A probe of the labels in them is kept beside.
        """
        if kind == "none":  # only their width is read
            return self.embeddings("rule")
        path = self.folder / f"embeddings-{kind}"
        if not path.exists():
            if kind == "shuffled":
                contracts.write(shuffle_rationales(self.embeddings("dpo")), contracts.RATIONALE_EMBEDDINGS, path)
            else:
                embed(self.rationales(kind), laptop().embedder, path)
        once(self.folder / f"probe-{kind}.json", lambda: probe_labels(path))
        return path

    def rationales(self, kind: str) -> Path:
        """Return the path of RATIONALES of a kind for the train pairs."""
        path = self.folder / f"rationales-{kind}"
        if path.exists():
            return path
        if kind == "rule":
            train = select_pairs(contracts.read_batches(contracts.JUDGEMENTS, self.judgements), "train", self.pairs)
            contracts.write_batches(exemplars(train), contracts.RATIONALES, path)
            return path
        return with_storage(self.folder, lambda: self.sample_rationales(kind, path))

    def sample_rationales(self, kind: str, path: Path) -> Path:
        """Sample one rationale a pair from a stage of the teacher."""
        model, config, engine = self.sampling(kind)
        config = replace(config, split="train", pairs=self.pairs, shard_requests=laptop().final.shard_requests)
        unfinished = path.with_name(f"{path.name}.unfinished")
        quarantine = path.with_name(f"quarantine-{kind}")
        result = generate(self.judgements, model, (config, engine), "0/1", (unfinished, quarantine))
        path.with_name(f"rationales-{kind}.json").write_text(json.dumps(result.to_dict(), default=str))
        unfinished.replace(path)
        return path

    def sampling(self, kind: str) -> tuple[Path, GenerateConfig, EngineConfig]:
        """Return the model of a stage with its prompts and its engine.

        The base model gets worked examples, and a grammar forces its form.
        """
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


def marketplace_rationales(folder: Path) -> Rationales:
    """Return the rationales of the laptop profile's marketplace."""
    TEACHERS.mkdir(parents=True, exist_ok=True)
    return replace(rationales_below(folder / "marketplace", market(TEACHERS)), pairs=RATIONALE_PAIRS)


def esci_rationales(folder: Path, source: Path) -> Rationales:
    """Return the rationales of ESCI's judgements."""
    TEACHERS.mkdir(parents=True, exist_ok=True)
    return rationales_below(folder / "esci", release(TEACHERS, source))


def rationales_below(folder: Path, judgements: Path) -> Rationales:
    """Return the rationales kept below a folder, of the teacher of the first seed."""
    folder.mkdir(parents=True, exist_ok=True)
    return Rationales(judgements, folder, judgements.parent / "0")


def with_storage(folder: Path, make: Callable[[], Path]) -> Path:
    """Call `make` with an S3 of its own; the environment is restored, for the next has another port."""
    with laptop_with_storage(folder / "state", folder):
        return make()


def shuffle_rationales(path: Path) -> list[dict]:
    """Return the placebo: the same rationales, each of another pair."""
    rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, path)
    order = np.random.default_rng(0).permutation(len(rows))
    return [
        row | {name: rows[other][name] for name in RATIONALE_COLUMNS} for row, other in zip(rows, order, strict=True)
    ]


def probe_labels(path: Path) -> dict:
    """Measure how well a linear probe reads the judged label from embeddings, in five folds by query.

    Rationales that spell the label prove nothing, and rationales without any trace of it can teach little.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, path)
    vectors = np.array([row["embedding"] for row in rows])
    labels = [row["label"] for row in rows]
    query_ids = [row["query_id"] for row in rows]
    model = LogisticRegression(max_iter=2000)
    predictions = cross_val_predict(model, vectors, labels, groups=query_ids, cv=GroupKFold(5))
    right_share = np.mean([row["label"] == row["predicted_label"] for row in rows])
    return {
        "rationales": len(rows),
        "right": round(float(right_share), 4),
        "probe_accuracy": round(float(accuracy_score(labels, predictions)), 4),
        "probe_macro_f1": round(float(f1_score(labels, predictions, average="macro")), 4),
    }
