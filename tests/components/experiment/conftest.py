"""The S3 of the release's tests, with a running experiment and logs below it."""

from tests.components.release.conftest import package, s3, s3_server

__all__ = ["package", "s3", "s3_server"]
