"""Log-probabilities of completions, and the preference margin that they give on held-out pairs, row by row.

TRL's own evaluation means batch means, which weigh the rows of a short last batch more, and counts ties as wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class PreferenceMargin:
    """Means over held-out pairs, each of which counts once.

    A pair's margin is beta times how much more the chosen than the rejected side gained in log-probability against the
    reference (Rafailov et al. 2023, eq. 7). A `chosen_logprob_gain` of about 0 says that the training did nothing.
    """

    margin: float
    preferred_share: float  # of pairs with a positive margin, where a tie is half
    chosen_logprob_gain: float  # nats
    loss: float  # -log sigmoid(margin)


def preference_margin(
    policy: Sequence[tuple[float, float]], reference: Sequence[tuple[float, float]], beta: float
) -> PreferenceMargin:
    """Compare two models by the log-probabilities (chosen, rejected) that they give each pair."""
    pairs = list(zip(policy, reference, strict=True))
    chosen_gains = [after[0] - before[0] for after, before in pairs]
    rejected_gains = [after[1] - before[1] for after, before in pairs]
    margins = [beta * (gain - other) for gain, other in zip(chosen_gains, rejected_gains, strict=True)]
    return PreferenceMargin(
        margin=fmean(margins),
        preferred_share=fmean(0.5 if margin == 0 else float(margin > 0) for margin in margins),
        chosen_logprob_gain=fmean(chosen_gains),
        loss=fmean(math.log1p(math.exp(-abs(margin))) + max(-margin, 0.0) for margin in margins),
    )


def pair_logprobs(model, tokenizer, pairs: Sequence[dict]) -> list[tuple[float, float]]:
    """Return the log-probabilities (chosen, rejected) of preference pairs."""
    logprobs = []
    for pair in pairs:
        chosen_tokens = token_logprobs(model, tokenizer, pair["prompt"], pair["chosen"])
        rejected_tokens = token_logprobs(model, tokenizer, pair["prompt"], pair["rejected"])
        logprobs.append((sum(chosen_tokens), sum(rejected_tokens)))
    return logprobs


def mean_token_loss(model, tokenizer, examples: Sequence[dict]) -> float:
    """Return the mean loss, in nats, over the completion tokens of SFT's examples."""
    logprobs = []
    for example in examples:
        logprobs += token_logprobs(model, tokenizer, example["prompt"], example["completion"])
    return round(-fmean(logprobs), 4)


def token_logprobs(model, tokenizer, prompt: str, completion: str) -> list[float]:
    """Return the log-probability of each token of a completion, its end token included.

    Prompt and completion are tokenized together, as in training.
    """
    import torch

    first = len(tokenizer(prompt)["input_ids"])
    ids = torch.tensor([tokenizer(prompt + completion + tokenizer.eos_token)["input_ids"]], device=model.device)
    model.eval()
    with torch.no_grad():
        logits = model(ids).logits[0, first - 1 : -1].float()  # (T, V), each position predicts the next token
    return logits.log_softmax(-1).gather(1, ids[0, first:, None]).squeeze(1).tolist()
