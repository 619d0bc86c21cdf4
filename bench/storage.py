"""An S3 of a measurement's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from components import storage
from pipelines.local.processes import Laptop


@contextmanager
def laptop_with_storage(home: Path, logs: Path) -> Iterator[Laptop]:
    """Yield a laptop whose S3 runs, has the platform's bucket, and is named in the environment.

    The environment is as before behind the block, for the next S3 has another port.
    """
    with Laptop(home, logs) as laptop, patch.dict(os.environ):
        laptop.start_s3()
        os.environ.update(laptop.environment)
        storage.ensure_bucket()
        yield laptop
