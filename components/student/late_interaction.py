"""Each token of the query beside what the item has for it (late interaction: Khattab and Zaharia 2020).

It needs no layer in which the sides read each other, so that an item's vectors are made ahead of any query. B pairs,
Q tokens of the query, I of the item, H encoder width, D the narrow width in which they are matched. Vectors have length
one; zeros stand where there is no word: padding, [CLS] and [SEP].
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from components.student.extractors import mean, without_padding

MATCHES = 5  # numbers on a pair
SHARP = 8.0  # how much more an item's token counts, the more it is like the query's


class Matcher(nn.Module):
    """Narrows tokens, and compares each of the query's with what the item has for it."""

    def __init__(self, width: int, narrow: int):
        super().__init__()
        self.narrow, self.compare = nn.Linear(width, narrow, bias=False), nn.Linear(4 * narrow, narrow)

    def vectors(self, states: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Of tokens' states (B, T, H), of pairs or of one side: (B, T, D)."""
        return normalize(self.narrow(states), dim=-1) * words(mask, segments).unsqueeze(-1)

    def forward(self, query: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """MATCHES (B, 5), and the mean comparison (B, D), of vectors (B, Q, D) and (B, I, D).

        A query's token is compared with the mean of the item's tokens that are like it (Parikh et al. 2016).
        """
        asked, there = there_of(query), there_of(item)  # (B, Q), (B, I)
        alike = query @ item.transpose(1, 2)  # (B, Q, I)
        found = without_padding(SHARP * alike, there.unsqueeze(1)).softmax(-1) @ item  # (B, Q, D)
        both = torch.cat([query, found, query * found, (query - found).abs()], -1)
        alike = alike.masked_fill(~(asked.unsqueeze(2) & there.unsqueeze(1)), -1.0)
        return matches(alike, asked, there), mean(gelu(self.compare(both)), asked)


def matches(alike: Tensor, asked: Tensor, there: Tensor) -> Tensor:
    """How like each token is to the other side's that is most like it: (B, 5).

    Of the query's tokens the mean, the least, the last and the most; of the item's the mean.
    """
    best, back = alike.amax(2), alike.amax(1)  # (B, Q), (B, I)
    after = torch.cat([asked[:, 1:], torch.zeros_like(asked[:, :1])], 1)
    told = [mean_of(best, asked), best.masked_fill(~asked, 1.0).amin(1), mean_of(best, asked & ~after), best.amax(1)]
    return torch.stack([*told, mean_of(back, there)], -1)


def mean_of(numbers: Tensor, there: Tensor) -> Tensor:
    """Mean (B,) of numbers (B, T) over the tokens that are there."""
    return mean(numbers.unsqueeze(-1), there).squeeze(-1)


def there_of(vectors: Tensor) -> Tensor:
    """Where vectors (B, T, D) are of a word: (B, T)."""
    return vectors.abs().sum(-1) > 0


def words(mask: Tensor, segments: Tensor) -> Tensor:
    """Which tokens are a side's text, not what opens a query or ends a side: (B, T)."""
    goes_on = (mask[:, 1:] != 0) & (segments[:, 1:] == segments[:, :-1])  # (B, T - 1)
    opens = torch.cat([segments[:, :1] == 0, torch.zeros_like(goes_on)], 1)
    return torch.cat([goes_on, torch.zeros_like(opens[:, :1])], 1) & ~opens
