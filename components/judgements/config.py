"""How a source of judgements is prepared."""

from dataclasses import dataclass

from components.config import JsonConfig


@dataclass(frozen=True)
class PrepareConfig(JsonConfig):
    """How labels are read, how judgements are split, and from when they are known."""

    as_of: str = "2026-01-01T00:00:00+00:00"  # when the items were as the source says
    train_percent: int = 70  # of queries, where the source has no split
    valid_percent: int = 15  # on which the gate decides; what is left is test, which nothing here reads
    max_queries: int = 0  # a sample of the queries; 0 takes all
    labels: str = ""  # what the source's labels mean, as `4=Exact,0=Irrelevant` or a scale's name; "": our labels

    def check(self) -> None:
        """Check the shares.

        Raises:
            ValueError: they are no shares of 100.
        """
        if not 0 < self.train_percent <= self.train_percent + self.valid_percent <= 100:
            shares = f"train_percent {self.train_percent} and valid_percent {self.valid_percent}"
            raise ValueError(f"prepare_config's {shares} are no shares of 100: choose as 70 and 15")
