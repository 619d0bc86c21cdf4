"""An item as the student has it: its tokens and, where they are computed ahead of any query, its states.

T tokens, H encoder width, D width of a token's vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Ids = Sequence[int]
ITEM_BYTES = 400  # of Python's own objects


@dataclass
class Item:
    """An item's tokens and, where it is encoded separately, its states.

    States and vectors are in half precision. A student that reads only the mean of the states stores that alone.
    """

    ids: Ids
    states: np.ndarray | None = None  # (T, H), or (1, H) for the mean
    vectors: np.ndarray | None = None  # (T, D), where tokens are matched

    @property
    def bytes(self) -> int:
        """Return the memory that it takes, with Python's share."""
        arrays = [array for array in (self.states, self.vectors) if array is not None]
        return ITEM_BYTES + 4 * len(self.ids) + sum(array.nbytes for array in arrays)
