"""Measure the nightly steps that give unjudged pairs a teacher's labels: `python -m bench.rationales.night --help`.

The product's own steps collect the pairs, hold the stand-in teacher to its bounds beside the plain student, label, and
train. Fixed beforehand: of the 300 test queries in their drawn order the first third holds the teacher to its bounds,
a third of the judged queries' number at most, and chooses the student; the other 200 are tested on. The teacher's label
is what its facts, 80% of them right or another share, come to, from every perspective the same. All students have as
many updates; gains are means over seeds, with intervals over queries.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.ablation.results import confusions_by_query, interval_figures
from bench.figures import show, update_results
from bench.rationales.arms import CROSS_ENTROPY, LABELS, Arm
from bench.rationales.measure import FOLDER, WORKER, mean_macro_f1
from bench.rationales.stage import TEST_QUERIES, Stage, training_row
from bench.rationales.stand_in import Answer
from bench.worker_pool import on_cores
from components import contracts
from components.contracts import LABELS as NAMES
from components.judgements.unjudged import UnjudgedSource, collect_unjudged
from components.metrics import BootstrapConfig, macro_f1
from components.perspectives import NAMES as PERSPECTIVES
from components.step_result import StepResult
from components.teacher.config import QualificationConfig, TeacherLabelsConfig
from components.teacher.label_qualification import PLAIN, LabelTables, qualify_night
from components.teacher.teacher_labels import label_unjudged

ACCURACY = 0.8
HELD_OUT = 100  # of the test queries
MANY = 100_000  # unjudged pairs: all
BUDGETS = (30, 120, 355)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Night:
    """One night's tables and students, by the number of judged queries."""

    stage: Stage
    queries: int
    accuracy: float = ACCURACY  # of the teacher's facts

    @property
    def folder(self) -> Path:
        """Return where its files are."""
        return self.stage.folder / "nights" / f"{self.queries} queries"

    @cached_property
    def held_out(self) -> set[str]:
        """Return the queries by which the teacher is judged and the student is chosen."""
        return set(self.stage.judged_queries[: min(HELD_OUT, self.queries // 3)])

    @cached_property
    def tested(self) -> set[str]:
        """Return the queries that decide nothing."""
        return set(self.stage.judged_queries[HELD_OUT:TEST_QUERIES])

    @cached_property
    def judgements(self) -> Path:
        """Write and return JUDGEMENTS: train queries, and as valid those that are held out or tested on."""
        path = self.folder / "judgements.parquet"
        train = set(self.stage.judged_queries[TEST_QUERIES:][: self.queries])
        rows = [
            {name: row.get(name) for name in contracts.JUDGEMENTS.names}
            | {"split": "train" if row["query_id"] in train else "valid"}
            for row in self.stage.rows("judgements")
            if row["query_id"] in train | self.held_out | self.tested
        ]
        contracts.write(rows, contracts.JUDGEMENTS, path)
        return path

    @cached_property
    def training_set(self) -> Path:
        """Write and return the TRAINING_SET of the judgements."""
        path = self.folder / "training_set.parquet"
        rows = contracts.read(contracts.JUDGEMENTS, self.judgements)
        rows = [training_row(row, row["split"], row["label"]) for row in rows]
        contracts.write(rows, contracts.TRAINING_SET, path)
        return path

    @cached_property
    def unjudged_pairs(self) -> Path:
        """Collect UNJUDGED from the marketplace's file, as a run does."""
        path = self.folder / "unjudged.parquet"
        source = UnjudgedSource(str(self.stage.marketplace / "unjudged.parquet"))
        collect_unjudged(source, (self.judgements, ""), MANY, (path, self.folder / "refused.parquet"))
        return path

    def students(self, title: str, seeds: int, labels: str | Path = "") -> list[dict]:
        """Train a student of each seed with a core of its own, once, and return its answers to the valid pairs."""
        judged = sum(row["split"] == "train" for row in contracts.read(contracts.JUDGEMENTS, self.judgements))
        arm = Arm(LABELS if labels else CROSS_ENTROPY, self.queries, self.accuracy)
        config = replace(arm.config(judged, contracts.count(self.unjudged_pairs)), align_weight=0.0)
        embeddings = self.stage.target_embeddings(0, arm.target)
        paths = [self.folder / f"{title} {seed}.json" for seed in range(seeds)]
        jobs = []
        for seed, path in enumerate(paths):
            inputs = [WORKER, self.training_set, embeddings, replace(config, seed=seed).to_json(), path]
            jobs.append((path, [*inputs, self.unjudged_pairs, labels] if labels else inputs))
        on_cores(jobs)
        return [json.loads(path.read_text()) for path in paths]

    def answer(self) -> None:
        """Write what the stand-in teacher says of held-out and of unjudged pairs, RATIONALES and QUARANTINE."""
        answers = self.stage.answers(self.accuracy)
        by_text = {(row["query"], row["item_id"]): row["query_id"] for row in self.stage.rows("unjudged")}
        held_out = [
            rationale_rows(row, answers[row["query_id"], row["item_id"]])
            for row in contracts.read(contracts.JUDGEMENTS, self.judgements)
            if row["query_id"] in self.held_out
        ]
        others = [
            rationale_rows(row | {"label": None}, answers[by_text[row["query"], row["item_id"]], row["item_id"]])
            for row in contracts.read(contracts.UNJUDGED, self.unjudged_pairs)
        ]
        for name, groups in (("held-out", held_out), ("unjudged", others)):
            contracts.write([row for group in groups for row in group], contracts.RATIONALES, self.said(name))
        contracts.write([], contracts.QUARANTINE, self.folder / "broken")
        (self.folder / "asked.json").write_text(json.dumps({"model": "stand-in"}))

    def said(self, name: str) -> Path:
        """Return where the teacher's answers to some pairs are."""
        return self.folder / f"{name} {self.accuracy:.0%}"

    def qualify(self, plain: dict) -> tuple[StepResult, str]:
        """Hold the teacher to its bounds beside the plain student, which serves, too."""
        predictions = self.folder / "predictions.parquet"
        empty = dict.fromkeys(contracts.PREDICTIONS.names, "") | {"probabilities": [1.0, 0, 0, 0], "score": 0.0}
        rows = zip(plain["queries"], plain["items"], plain["predicted"], strict=True)
        contracts.write(
            [empty | {"query_id": q, "item_id": i, "predicted_label": NAMES[label]} for q, i, label in rows],
            contracts.PREDICTIONS,
            predictions,
        )
        tables = LabelTables(self.said("held-out"), self.folder / "broken", predictions, predictions)
        permit = self.folder / "permit"
        permit.write_text("")
        return qualify_night(tables, permit, QualificationConfig(), BootstrapConfig())

    def labels(self, weight: float) -> Path:
        """Write and return TEACHER_LABELS of the unjudged pairs, whatever the bounds say."""
        path = self.folder / f"labels {self.accuracy:.0%} {weight:g}.parquet"
        (self.folder / "permit").write_text("")
        config = TeacherLabelsConfig(teacher="local", weight=weight)
        tables = (self.said("unjudged"), self.folder / "broken")
        label_unjudged(tables, self.folder / "permit", self.folder / "asked.json", config, path)
        return path


def rationale_rows(row: dict, answer: Answer) -> list[dict]:
    """Return RATIONALES rows of a pair: each perspective ends in the teacher's one label."""
    empty = dict.fromkeys(contracts.RATIONALES.names) | {"sample": 0, "model_digest": "stand-in"}
    names = {name: row[name] for name in ("query_id", "item_id", "label")}
    return [empty | names | {"perspective": view, "predicted_label": answer.label} for view in PERSPECTIVES]


def select_queries(answers: dict, queries: set[str]) -> dict:
    """Return the answers to some queries' pairs."""
    rows = [n for n, query in enumerate(answers["queries"]) if query in queries]
    return {name: [answers[name][n] for n in rows] for name in ("queries", "items", "labels", "predicted")}


@app.command()
def bench(
    budgets: Annotated[list[int] | None, typer.Option("--queries", help="Judged queries.")] = None,
    weights: Annotated[list[float] | None, typer.Option("--weight", help="Of a teacher's label.")] = None,
    accuracies: Annotated[list[float] | None, typer.Option("--accuracy", help="Share of its facts right.")] = None,
    seeds: Annotated[int, typer.Option(help="Students of each kind.")] = 3,
) -> None:
    """Run the steps with a stand-in teacher, and print what its labels bring; kept where it is stopped.

    A student takes about four minutes of a core.
    """
    for accuracy in accuracies or (ACCURACY,):
        for queries in budgets or BUDGETS:
            figures = measure_night(Night(Stage(FOLDER), queries, accuracy), weights or [1.0], seeds)
            measured_on = f"nights with its labels: 200 test queries, 100 others choose, {seeds} seeds"
            update_results("rationales", figures, measured_on)
            show("rationales", figures)


def measure_night(night: Night, weights: list[float], seeds: int) -> dict:
    """Return a night's figures: what qualifies, gains over the plain student, and what is served.

    The plain student of the first seed stands for the one that serves.
    """
    plain = night.students("plain", seeds)
    night.answer()
    result, refusal = night.qualify(plain[0])
    name = f"night_{night.queries}"
    if night.accuracy != ACCURACY:
        name += f"_facts_{night.accuracy:.0%}".rstrip("%")
    figures = {
        f"{name}_held_out_pairs": result.details["pairs"],
        f"{name}_teacher_accuracy": result.details["accuracy"]["estimate"],
        f"{name}_plain_accuracy": result.details["students"][PLAIN]["estimate"],
        f"{name}_qualifies": int(not refusal),
        f"{name}_plain": mean_macro_f1(confusion(plain, night.tested)),
        f"{name}_seeds": seeds,
    }
    gap = result.details["over_students"][PLAIN]
    figures |= {
        f"{name}_over_plain{end}": gap[key] for end, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
    }
    for weight in weights:
        labelled = night.students(f"labels {night.accuracy:.0%} {weight:g}", seeds, night.labels(weight))
        part = f"{name}_labels" if weight == 1 else f"{name}_labels_weight_{100 * weight:.0f}"
        seconds = round(float(np.mean([answers["cpu_seconds"] for answers in labelled])))
        figures |= {f"{part}_pairs": labelled[0]["labelled"], f"{part}_cpu_seconds": seconds}
        figures |= gain_figures(part, night, labelled, plain)
    return figures


def gain_figures(part: str, night: Night, labelled: list[dict], plain: list[dict]) -> dict:
    """Return macro-F1 on tested queries, the gain over plain, and of how many seeds the held-out ones choose it."""
    tested, rival = (confusion(answers, night.tested) for answers in (labelled, plain))
    held_out, held_out_rival = (
        macro_f1(np.array(confusion(answers, night.held_out).sum(0))) for answers in (labelled, plain)
    )
    gains = np.array(macro_f1(tested.sum(0)) - macro_f1(rival.sum(0)))
    figures = {f"{part}_macro_f1": mean_macro_f1(tested), f"{part}_is_chosen": int((held_out > held_out_rival).sum())}
    figures |= {f"{part}_gain_smallest_seed": round(float(gains.min()), 4)}
    return figures | interval_figures(f"{part}_gain", tested, macro_f1, rival)


def confusion(answers: list[dict], queries: set[str]) -> np.ndarray:
    """Return the confusions (Q, S, C, C + 1) of some queries by seed."""
    return confusions_by_query([select_queries(one, queries) for one in answers])


if __name__ == "__main__":
    app()
