"""Waits until what the servers have logged is on S3. A look before that may count one arm's rows alone."""

import re
from collections.abc import Iterable

import httpx

from components.waiting import wait_until
from pipelines.local.readiness import client

SPOOLED_ROWS = re.compile(r"^broadfast_spool_rows (\S+)$", re.MULTILINE)
SECONDS_TO_UPLOAD = 60


def wait_for_uploads(urls: Iterable[str]) -> None:
    """Wait until no server keeps rows that are not on S3.

    Raises:
        RuntimeError: one still does after SECONDS_TO_UPLOAD, or does not answer.
    """
    for url in urls:
        rows = wait_until(lambda url=url: count_spooled_rows(url), lambda rows: not rows, SECONDS_TO_UPLOAD)
        if rows:
            raise RuntimeError(
                f"{rows} logged rows at {url} are not on S3 after {SECONDS_TO_UPLOAD} s; see logs/s3.log"
            )


def count_spooled_rows(url: str) -> int:
    """Return how many rows a server keeps that are not on S3.

    Raises:
        RuntimeError: it does not answer.
    """
    try:
        text = client().get(f"{url}/metrics").raise_for_status().text
    except httpx.HTTPError as error:
        raise RuntimeError(f"{url}/metrics does not say how many rows wait for S3: {error}") from error
    return int(float(SPOOLED_ROWS.search(text)[1]))
