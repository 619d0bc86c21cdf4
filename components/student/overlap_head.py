"""Starting points of a late-interaction student, computed from data before it is trained.

The overlap head, a linear layer of few weights, would not grow by the end of training: logistic regression on its
features alone was as good as the whole student.

B pairs, T tokens, H encoder width, D token width, F match features, C labels.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from components.contracts import LABELS
from components.student.frozen_states import FrozenStates
from components.student.late_interaction import LateInteractionStudent
from components.student.logits import pair_batches
from components.student.losses import class_weights, pair_weights

REGRESSION_PAIRS = 5000  # enough for so few weights, and a seventh of an epoch's time
PCA_PAIRS = 1000


def initialise_late_interaction(
    student: LateInteractionStudent, examples, power: float, frozen_states: FrozenStates | None = None
) -> None:
    """Fit the projection and the overlap head to EXAMPLES rows with a label."""
    examples = select_labelled(examples)
    rows = range(0, len(examples), -(-len(examples) // REGRESSION_PAIRS))
    lengths = list(examples["length"])
    sample = examples.select(sorted(rows, key=lengths.__getitem__))
    student.eval()
    init_projection_by_pca(student, sample.select(range(0, len(sample), 1 + len(sample) // PCA_PAIRS)), frozen_states)
    fit_overlap_head(student, sample, power, frozen_states)


def fit_overlap_head(
    student: LateInteractionStudent, examples, power: float, frozen_states: FrozenStates | None = None
) -> None:
    """Set the overlap head to logistic regression on EXAMPLES rows with a label.

    People's labels count 1, a teacher's by its weight: of few judged queries alone, the head starts so far off that the
    whole student stays behind. With fewer than three labels there is too little data, and the head is set to zeros.
    """
    head = student.overlap_head
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    examples = select_labelled(examples)
    judged_labels, labels, weights = read_labels(examples)
    if len(set(labels.tolist())) < 3:
        return
    label_weights = class_weights(judged_labels, len(LABELS), power)
    if label_weights is not None:
        weights = weights * label_weights[labels]
    features = match_features(student, examples, frozen_states)
    scaler, regression = fit_regression(features, labels.numpy(), weights.numpy())
    weight = regression.coef_ / scaler.scale_  # (C or fewer, F)
    bias = regression.intercept_ - weight @ scaler.mean_
    with torch.no_grad():
        head.bias.fill_(float(bias.min()))  # for labels without a pair
        head.weight[regression.classes_] = torch.tensor(weight, dtype=torch.float32)
        head.bias[regression.classes_] = torch.tensor(bias, dtype=torch.float32)


def select_labelled(examples):
    """Return the EXAMPLES rows to which people or a teacher gave a label."""
    weights = read_labels(examples)[-1].tolist()
    return examples.select([row for row, weight in enumerate(weights) if weight])


def read_labels(examples) -> tuple[Tensor, Tensor, Tensor]:
    """Return people's labels, negative without one, then those to learn, and their weights: (N,) each."""
    judged_labels = torch.tensor(examples["label"])
    weights = pair_weights(judged_labels, torch.tensor(examples["teacher_weight"]))
    return (
        judged_labels,
        torch.where(judged_labels >= 0, judged_labels, torch.tensor(examples["teacher_label"])),
        weights,
    )


def init_projection_by_pca(
    student: LateInteractionStudent, examples, frozen_states: FrozenStates | None = None
) -> None:
    """Set the token projection to the states' principal directions, which keep cosines."""
    projection = student.late_interaction.projection
    moments = torch.zeros(projection.in_features, projection.in_features)
    with torch.inference_mode():
        for _, batch in example_batches(examples, frozen_states):
            states = encode_batch(student, batch)[batch["attention_mask"].bool()]  # (tokens, H)
            moments += states.T @ states
    eigenvectors = torch.linalg.eigh(moments)[1].flip(1)  # (H, H), the largest first
    with torch.no_grad():
        projection.weight.copy_(eigenvectors[:, : projection.out_features].T)


def match_features(student: LateInteractionStudent, examples, frozen_states: FrozenStates | None = None) -> np.ndarray:
    """Return the match features (N, F) of EXAMPLES rows, in their order."""
    features = np.zeros((len(examples), student.overlap_head.in_features), np.float32)
    with torch.inference_mode():
        for rows, batch in example_batches(examples, frozen_states):
            states = encode_batch(student, batch)  # (B, T, H)
            query, item = student.split_sides(states, batch["attention_mask"], batch["token_type_ids"])
            features[rows] = student.match(query, item, batch["overlap"])[0].numpy()
    return features


def example_batches(examples, frozen_states: FrozenStates | None) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
    """Yield row numbers and tensors of EXAMPLES rows in batches."""
    queries = list(examples["query"])
    items = list(examples["item"])
    for rows, batch in pair_batches(queries, items, examples["overlap"]):
        if frozen_states is not None:
            batch["frozen_states"] = frozen_states.pad([queries[row] for row in rows], [items[row] for row in rows])
        yield rows, batch


def encode_batch(student: LateInteractionStudent, batch: dict[str, Tensor]) -> Tensor:
    """Return the states (B, T, H) of a batch, sides encoded separately."""
    names = ("input_ids", "attention_mask", "token_type_ids", "frozen_states")
    return student.encode_separately(**{name: batch[name] for name in names if name in batch})


def fit_regression(features: np.ndarray, labels: np.ndarray, weights: np.ndarray):
    """Fit logistic regression on standardised features (N, F), labels and weights (N,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return pipeline.fit(features, labels, logisticregression__sample_weight=weights)
