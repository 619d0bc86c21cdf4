"""What the server counts for Prometheus, by version; KServe's /metrics shows it beside its own.

Imported before Feast, which would otherwise move every metric of the process into files of its own.
"""

import logging

from prometheus_client import Counter, Gauge, Histogram

log = logging.getLogger("serving")
STAGE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Counter("broadfast_requests", "Requests by what was asked and answered", ("version", "verb", "code"))
STAGES = Histogram("broadfast_stage_seconds", "Time of a request's stages", ("version", "stage"), buckets=STAGE_BUCKETS)
MISSING = Counter("broadfast_features_missing", "Feature values replaced by their defaults", ("version",))
STALE = Counter("broadfast_features_stale", "Items served with features over their age limit", ("version",))
REMEMBERED = Counter("broadfast_pairs_remembered", "Pairs whose score was not computed again", ("version",))
SPOOLED = Gauge("broadfast_spool_rows", "Rows written here and not yet on S3")
UPLOAD_FAILURES = Counter("broadfast_spool_upload_failures", "Attempts to upload the spool that failed")
UNRECORDED = Counter("broadfast_requests_unrecorded", "Refused requests that the log could not take")
