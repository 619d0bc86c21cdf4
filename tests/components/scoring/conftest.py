"""A package whose scores a person can check."""

import pytest

from testing.tiny_package import write_package


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory):
    """Write a package in which each word has its label; return its folder."""
    folder = tmp_path_factory.mktemp("tiny") / "package"
    write_package(folder)
    return folder
