"""The limits of a spool."""

from collections.abc import Iterable
from dataclasses import dataclass

from serving.spool_folder import Backlog

MEBIBYTE = 1 << 20
SPOOL_MEBIBYTES = 1024  # less than the volume that the manifests give: a pod that overfills it is evicted, rows and all


class SpoolFull(RuntimeError):
    """The spool takes no more rows."""


@dataclass(frozen=True)
class SpoolLimits:
    """What may wait for S3."""

    rows: int = 500_000
    size: int = SPOOL_MEBIBYTES * MEBIBYTE  # bytes

    def check_room(self, backlog: Backlog, tables: Iterable[str], rows: int, size: int) -> None:
        """Check that rows of some tables may be added to what waits.

        Raises:
            SpoolFull: they would exceed a limit; rows of refused requests alone, only that of bytes.
        """
        if set(tables) - {"requests"} and backlog.rows + rows > self.rows:
            raise SpoolFull(f"{backlog.rows} rows wait for S3, and at most {self.rows} may")
        if backlog.size + size > self.size:
            limit = self.size / MEBIBYTE
            raise SpoolFull(f"{backlog.size / MEBIBYTE:.1f} MiB wait for S3, and at most {limit:g} MiB may")
