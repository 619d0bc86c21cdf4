"""A look waits until the rows of a real collector are on S3."""

import sys

import httpx
import pytest

from components import storage
from pipelines.local.log_uploads import wait_for_uploads
from pipelines.local.ports import free_ports

ORDER = {"request_id": "r1", "item_id": "i1", "kind": "order", "revenue": 5, "currency": "USD", "order_id": "o1"}


@pytest.mark.slow
def test_rows_are_on_s3_after_the_wait(s3, tmp_path):
    url = s3.url("outcomes")
    command = [sys.executable, "-m", "serving.outcomes", f"--port={s3.ports['outcomes']}", f"--spool={tmp_path}"]
    s3.start("outcomes", command)
    s3.wait_ready("outcomes", f"{url}/health")
    before = set(storage.list_names("logs/outcomes"))
    assert httpx.post(f"{url}/outcomes", json={"outcomes": [ORDER]}).json() == {"accepted": 1}
    wait_for_uploads([url])
    assert set(storage.list_names("logs/outcomes")) - before
    s3.stop("outcomes")


def test_a_server_that_is_gone_is_named():
    (port,) = free_ports(1)
    with pytest.raises(RuntimeError, match=f"http://127.0.0.1:{port}/metrics does not say"):
        wait_for_uploads([f"http://127.0.0.1:{port}"])
