"""The ablation's rows: one factor at a time round the default, and the rows that decide on real judgements."""

from dataclasses import dataclass, replace

from components.student.config import LrkdConfig
from pipelines.profiles import laptop

CROSS_ENTROPY, LRKD, PLACEBO = "plain cross-entropy", "LRKD", "placebo"
UNMATCHED = "tokens not matched"
RULE = "rationales written by rule from the label"
DEFAULT = laptop().student
ON = {  # real queries and titles are short; their rate was chosen on folds of ESCI's train queries
    "marketplace": DEFAULT,
    "esci": replace(DEFAULT, max_length=64, query_length=16, learning_rate=5e-5),
}
CROSS = {"extractor": "mlp", "join_layer": 0, "overlap": False, "match_width": 0}  # as in the paper
CROSS_ESCI = CROSS | {"epochs": 3, "learning_rate": 1e-4, "dropout": 0.1}  # at 3e-4 some seeds end at one label
CROSS_TITLE = "cross-encoder, MLP extractor"


@dataclass(frozen=True)
class Row:
    """One setting on one set; `rationales` says whose: none, base, sft, dpo, or dpo's shuffled over the pairs."""

    set: str
    title: str
    rationales: str
    config: LrkdConfig
    module: str = "bench.ablation.worker"
    budget: str = ""  # of judgements, where it is not all; a row is compared with those of its own

    @property
    def name(self) -> str:
        """What it is called in files and tables."""
        return self.beside(self.title)

    def beside(self, title: str) -> str:
        """The name of the row of that title on the same set, with the same judgements."""
        return f"{self.set}: {title}{self.budget}"


def row(title: str, rationales: str = "dpo", where: str = "marketplace", **changes) -> Row:
    """A row that differs from the default in what is said."""
    return Row(where, title, rationales, replace(ON[where], **changes))


def reference(where: str, overlap: bool, weights: float) -> Row:
    """What the tokens' overlap alone says, in four numbers or fourteen: what a student has to beat."""
    title = "word overlap, logistic regression" if overlap else "word overlap in four numbers"
    title += ", class weights balanced" * (weights == 1)
    return Row(
        where, title, "none", replace(ON[where], class_weights=weights, overlap=overlap), "bench.ablation.word_overlap"
    )


def decisive(where: str) -> tuple[Row, ...]:
    """Whether rationales help at all, and whether the extractor has to stay."""
    return (
        *(reference(where, overlap, weights) for overlap in (False, True) for weights in (0.0, 1.0)),
        row(CROSS_ENTROPY, "none", where, variant="cross_entropy"),
        row(LRKD, where=where),
        row(PLACEBO, "shuffled", where),
        row("extractor dropped at inference", where=where, variant="auxiliary"),
        row("soft labels", where=where, variant="soft_labels"),
    )


def unmatched(where: str) -> tuple[Row, ...]:
    """Whether it helps that the query's tokens are matched with the item's one by one, with rationales and without."""
    plain = row(f"{UNMATCHED}, {CROSS_ENTROPY}", "none", where, variant="cross_entropy", match_width=0)
    return plain, row(f"{UNMATCHED}, {LRKD}", where=where, match_width=0)


def with_fewer_judgements(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Whether rationales help at least where little was judged."""
    asked = (one for one in rows if one.title in (CROSS_ENTROPY, LRKD, PLACEBO, RULE))
    budget = {"train_share": 0.2, "epochs": 5}
    return tuple(replace(o, budget=", a fifth of the queries", config=replace(o.config, **budget)) for o in asked)


JOINED = {"join_layer": 4, "match_width": 0}
MARKETPLACE = (
    *decisive("marketplace"),
    *(row(f"lambda {weight:g}", align_weight=weight) for weight in (0.01, 1.0, 3.0)),
    row("squared error, mean", reduction="mean"),
    row("squared error, sum", reduction="sum"),
    row("targets as embedded", normalise=False, reduction="sum"),
    row("without the tokens' overlap", overlap=False),
    *unmatched("marketplace"),
    row("joined at layer 4", **JOINED),
    *(
        row(f"joined at layer 4, extractor {name}", extractor=name, **JOINED)
        for name in ("mlp", "poly", "gat", "first")
    ),
    row(CROSS_TITLE, **CROSS),
    row(f"{CROSS_TITLE}, plain cross-entropy", "none", variant="cross_entropy", **CROSS),
    row("rationales of the base model", "base"),
    row("rationales after SFT", "sft"),
    row(RULE, "rule"),
)
MARKETPLACE += with_fewer_judgements(MARKETPLACE)
ESCI = (
    *decisive("esci"),
    row("without the tokens' overlap", where="esci", overlap=False),
    *unmatched("esci"),
    row(RULE, "rule", "esci"),
    row(CROSS_TITLE, where="esci", **CROSS_ESCI),
    row(f"{CROSS_TITLE}, plain cross-entropy", "none", "esci", variant="cross_entropy", **CROSS_ESCI),
    row(f"{CROSS_TITLE}, placebo", "shuffled", "esci", **CROSS_ESCI),
)
