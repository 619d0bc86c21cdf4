"""The judgements of a source with its quarantined rows and counts."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Collection:
    """The judgements of a source, and what happened to its rows."""

    name: str
    labels_option: str = ""  # of the run
    total: int = 0
    judgements: list[dict] = field(default_factory=list)  # JUDGEMENTS, with price and rating
    quarantine: list[dict] = field(default_factory=list)  # QUARANTINED_ROWS
    merged_ratings: int = 0  # behind the first of a pair: they count in its judgement, and are no row of their own
    sampled_out: int = 0
    unknown_labels: Counter = field(default_factory=Counter)
    unreadable_fields: Counter = field(default_factory=Counter)
    unknown_classes: Counter = field(default_factory=Counter)  # values of query_class
    raters: dict = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def set_aside(self, line: int, reason: str, row: Mapping | str) -> None:
        """Quarantine one row."""
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        self.quarantine.append({"file": self.name, "line": line, "reason": reason, "row": text[:500]})

    def count_queries(self, split: str) -> int:
        """Return the number of queries of a split."""
        return len({row["query_id"] for row in self.judgements if row["split"] == split})
