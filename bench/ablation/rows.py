"""The ablation's rows: one factor at a time around the default student, on the marketplace and on ESCI."""

from dataclasses import dataclass, replace

from components.student.config import LrkdConfig
from pipelines.profiles import laptop

CROSS_ENTROPY = "plain cross-entropy"
LRKD = "LRKD"
PLACEBO = "placebo"
RULE = "rationales written by rule from the label"
CROSS_ENCODER = "cross-encoder, MLP extractor"
DEFAULT = laptop().student
STUDENTS = {  # ESCI's queries and titles are short; its learning rate was chosen on folds of its train queries
    "marketplace": DEFAULT,
    "esci": replace(DEFAULT, max_length=64, learning_rate=5e-5),
}
CROSS_ENCODERS = {
    "marketplace": {"architecture": "cross_encoder"},
    "esci": {"architecture": "cross_encoder", "epochs": 3, "learning_rate": 1e-4},  # at 3e-4 some seeds give one label
}


@dataclass(frozen=True)
class Row:
    """One setting on one set of judgements.

    `rationales` names their source: none, base, sft, dpo, rule, or shuffled, which is dpo's given to other pairs.
    """

    set: str
    title: str
    rationales: str
    config: LrkdConfig
    budget: str = ""  # of judgements, where it is not all of them

    @property
    def name(self) -> str:
        """Return the row's name in files and tables."""
        return self.name_with_title(self.title)

    def name_with_title(self, title: str) -> str:
        """Return the name of the row of another title on the same judgements."""
        return f"{self.set}: {title}{self.budget}"


def row(title: str, rationales: str = "dpo", dataset: str = "marketplace", **changes) -> Row:
    """Build a row that differs from the default student by `changes`."""
    return Row(dataset, title, rationales, replace(STUDENTS[dataset], **changes))


def decisive_rows(dataset: str) -> tuple[Row, ...]:
    """Return the rows that show whether rationales help at all."""
    return (
        row(CROSS_ENTROPY, "none", dataset, align_weight=0.0),
        row(LRKD, dataset=dataset),
        row(PLACEBO, "shuffled", dataset),
        row(RULE, "rule", dataset),
    )


def cross_encoder_rows(dataset: str) -> tuple[Row, ...]:
    """Return the rows of the paper's architecture."""
    changes = CROSS_ENCODERS[dataset]
    return (
        row(CROSS_ENCODER, dataset=dataset, **changes),
        row(f"{CROSS_ENCODER}, plain cross-entropy", "none", dataset, align_weight=0.0, **changes),
        row(f"{CROSS_ENCODER}, placebo", "shuffled", dataset, **changes),
    )


def with_fewer_judgements(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows again with a fifth of the queries."""
    budget = ", a fifth of the queries"
    return tuple(replace(each, budget=budget, config=replace(each.config, train_share=0.2, epochs=5)) for each in rows)


MARKETPLACE = (
    *decisive_rows("marketplace"),
    *with_fewer_judgements(decisive_rows("marketplace")),
    *(row(f"lambda {weight:g}", align_weight=weight) for weight in (0.01, 1.0, 3.0)),
    *cross_encoder_rows("marketplace"),
    *(
        row(f"cross-encoder, extractor {name}", extractor=name, architecture="cross_encoder")
        for name in ("poly", "gat")
    ),
    row("rationales of the base model", "base"),
    row("rationales after SFT", "sft"),
)
ESCI = (*decisive_rows("esci"), *cross_encoder_rows("esci"))
