"""What the student's paper decides. It imports no torch, so that a profile is read without it."""

from dataclasses import dataclass

from components.config import JsonConfig


@dataclass(frozen=True)
class LrkdConfig(JsonConfig):
    """The paper's figures (second-hand) but for `reduction`.

    Mean-reduced squared error against a unit vector of 1024 numbers is about 1e-3, so lambda 0.1 would do nothing;
    the default is therefore the cosine distance, whose scale does not depend on the width.
    """

    encoder: str = "bert-base-multilingual-uncased"
    extractor: str = "mlp"  # poly, gat, first, compare
    join_layer: int = 0  # layers of the encoder in which query and item are apart; 0: a cross-encoder throughout
    overlap: bool = False  # the head also reads how far the tokens of query and item are the same
    match_width: int = 0  # and how like they are, as vectors so narrow, where sides are apart throughout; 0: not at all
    variant: str = "lrkd"  # cross_entropy: without alignment; soft_labels: the teacher's probabilities instead of it;
    # auxiliary: aligned, but the label is read without it, so that the extractor falls away at inference
    max_length: int = 128  # tokens of query and item
    query_length: int = 32  # of these, at most for the query
    align_weight: float = 0.1  # lambda, of the loss's second term
    reduction: str = "cosine"  # or mean, sum: of the squared error
    normalise: bool = True  # targets to unit length
    dropout: float = 0.1  # of the encoder's states and attention; without it, attention is one kernel
    class_weights: float = 0.0  # power of the labels' inverse frequencies: 0.5 their square roots, 1 balanced
    epochs: float = 5
    learning_rate: float = 2e-6
    head_learning_rate: float = 2e-5
    batch_size: int = 32  # of an update, over all GPUs
    accumulate: int = 1  # an update is the mean of so many batches, where memory is short
    save_steps: int = 0  # a checkpoint is written to S3 so often; 0: never
    train_share: float = 1.0  # of the train queries
    calibration_share: float = 0.1  # of those, kept out of training to fit the temperature
    seed: int = 0
