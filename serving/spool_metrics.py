"""The recorder's metrics for Prometheus. Rows that wait here are lost with this node."""

import logging

from prometheus_client import Counter, Gauge

log = logging.getLogger("serving")

RECORDED = Counter("broadfast_rows_recorded", "Rows that a local file holds", ("table",))
UPLOADED = Counter("broadfast_rows_uploaded", "Rows that S3 holds", ("table",))
SPOOLED = Gauge("broadfast_spool_rows", "Rows written here and not yet on S3: lost with the node")
SPOOL_BYTES = Gauge("broadfast_spool_bytes", "Bytes of the files that wait for S3")
OLDEST = Gauge("broadfast_spool_oldest_seconds", "Age of the oldest file that waits for S3")
UPLOAD_FAILURES = Counter("broadfast_spool_upload_failures", "Attempts to upload the spool that failed")
DROPPED = Counter("broadfast_rows_dropped", "Rows that a full spool did not take: they are lost", ("table",))
QUARANTINED = Counter("broadfast_spool_refused_lines", "Lines quarantined because they are no rows of this version")
for table in ("exposures", "requests"):
    DROPPED.labels(table)  # a rate needs the series before its first row
