"""A page's late interaction for its graph: what depends on the query alone is computed once, and nothing is copied.

N items, Q and T tokens of a query and of an item, H encoder width, D token width, C labels, X width of the extractor.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from components.student.late_interaction import LateInteractionStudent, Side, rescale
from components.student.layers import ConcatLinear


class PageInteraction(nn.Module):
    """Compares a query with items as the student does, or as many of both.

    The extractor's last layer has to be folded into the head.
    """

    def __init__(self, student: LateInteractionStudent):
        super().__init__()
        self.student = student
        head = student.classifier
        inner = student.extractor.inner
        width = head.widths[0] // 4  # H: both means, their product and their difference
        self.labels = head.out_features
        weights = [layer.weight[:, : 4 * width] for layer in (head, inner)]
        self.means = build_linear([width] * 4, torch.cat(weights), torch.cat([head.bias, inner.bias]))
        self.inner = build_linear(inner.widths[1:], inner.weight[:, 4 * width :])
        self.head = build_linear(head.widths[1:], head.weight[:, 4 * width :])

    def forward(
        self, query_means: Tensor, query_vectors: Tensor, item_means: Tensor, item_vectors: Tensor, overlap: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and hidden vectors (N, X).

        Queries are means (1 or N, H) and vectors (1 or N, Q, D). Items may be in half precision.
        """
        query = Side(query_means, query_vectors)
        item = Side(item_means.float(), item_vectors.float())
        features, comparison = self.student.match(query, item, overlap)
        means = self.means(*mean_parts(query.mean, item.mean))  # (N, C + X)
        inner = gelu(means[:, self.labels :] + self.inner(features, comparison))
        logits = means[:, : self.labels] + self.head(comparison, inner)
        return logits + self.student.overlap_head(features), inner


def mean_parts(query_mean: Tensor, item_mean: Tensor) -> list[Tensor]:
    """Return the four parts of `interaction_features`.

    The query's has one row where the query has one.
    """
    query = rescale(query_mean)
    item = rescale(item_mean)
    return [query, item, query * item, (query - item).abs()]


def build_linear(widths: list[int], weight: Tensor, bias: Tensor | None = None) -> ConcatLinear:
    """Build a layer of parts from a weight, without a bias where none is given."""
    layer = ConcatLinear(widths, len(weight))
    bias = torch.zeros(len(weight)) if bias is None else bias
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer
