"""Token by token generation for a batch whose rows may begin alike. B rows, S stems, T tokens, V vocabulary.

transformers' `generate` would read each prompt whole, go on with rows that have ended, and sort the vocabulary for
top-p, which together take three quarters of its time with a small model on a CPU (2026-11).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

DROP_SHARE = 0.75  # rows that ended are dropped where no more than this share goes on


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn from its scores: temperature 0 takes the likeliest."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float

    def draw(self, scores: Tensor) -> Tensor:
        """Return a token (B,) for each row of scores (B, V).

        The candidates are sorted already where they are the top k, so that top-p sorts no vocabulary.
        """
        if not self.temperature:
            return scores.argmax(-1)
        size = min(self.top_k or scores.shape[-1], scores.shape[-1])
        values, tokens = (scores / self.temperature).topk(size)  # (B, k), the largest first
        shares = values.softmax(-1)
        shares = shares * (shares.cumsum(-1) - shares < self.top_p)  # what comes before it does not fill top_p yet
        shares = shares * (shares >= self.min_p * shares[:, :1])
        return tokens.gather(-1, shares.multinomial(1)).squeeze(-1)


@dataclass
class Row:
    """What was drawn for a prompt, and each step's logits of the watched tokens."""

    tokens: list[int] = field(default_factory=list)
    logits: list[list[float]] = field(default_factory=list)
    has_ended: bool = False


@dataclass(frozen=True)
class Decoding:
    """What is the same for all batches of an engine."""

    model: torch.nn.Module
    padding: int
    stop_tokens: frozenset[int]
    watched_tokens: Sequence[int]  # whose logits are kept at each step
    max_new_tokens: int
    sampling: Sampling


class Batch:
    """Rows that are read and continued together, on one cache of keys and values."""

    def __init__(self, decoding: Decoding, cache, mask: Tensor):
        self.decoding = decoding
        self.cache = cache
        self.mask = mask  # (B, T): 0 where a row is padded

    def read(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Read each row's next tokens, padded on the left. Return the last logits (B, V)."""
        longest = max(map(len, rows))
        device = self.mask.device
        ids = [[self.decoding.padding] * (longest - len(row)) + list(row) for row in rows]
        is_token = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        self.mask = torch.cat([self.mask, torch.tensor(is_token, device=device)], -1)
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -longest:]
        output = self.decoding.model(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def select(self, indices: Sequence[int]) -> None:
        """Go on with these rows, each as often as it is named."""
        numbers = torch.tensor(indices, device=self.mask.device)
        self.cache.batch_select_indices(numbers)
        self.mask = self.mask[numbers]


def decode(
    batch: Batch, tails: Sequence[Sequence[int]], processors: Sequence[Callable], prompts: Sequence[Sequence[int]]
) -> list[Row]:
    """Read each row's tail and continue it until it ends or is long enough.

    `processors` change the scores of the next token as transformers' do: where there are any, they may keep state by
    row, so that no row is dropped.
    """
    decoding = batch.decoding
    rows = [Row() for _ in tails]
    active = list(rows)
    longest = max(map(len, prompts))
    texts = [[decoding.padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    logits = batch.read(tails)
    for _ in range(decoding.max_new_tokens):
        scores = logits.clone() if processors else logits
        for process in processors:
            scores = process(torch.tensor(texts, device=scores.device), scores)
        tokens = decoding.sampling.draw(scores).tolist()
        note_tokens(active, tokens, logits[:, list(decoding.watched_tokens)].tolist(), decoding.stop_tokens)
        if all(row.has_ended for row in active):
            break
        going_on = [number for number, row in enumerate(active) if not row.has_ended]
        if not processors and len(going_on) <= DROP_SHARE * len(active):
            batch.select(going_on)
            active = [active[number] for number in going_on]
            tokens = [tokens[number] for number in going_on]
        if processors:
            texts = [[*text, token] for text, token in zip(texts, tokens, strict=True)]
        logits = batch.read([[token] for token in tokens])
    return rows


def note_tokens(
    rows: Sequence[Row], tokens: Sequence[int], logits: Sequence[list[float]], stop_tokens: frozenset[int]
) -> None:
    """Append a token to each row that goes on, or end it."""
    for row, token, row_logits in zip(rows, tokens, logits, strict=True):
        if row.has_ended:
            continue
        if token in stop_tokens:
            row.has_ended = True
            continue
        row.tokens.append(token)
        row.logits.append(row_logits)
