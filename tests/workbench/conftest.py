"""The workbench's server in this process, over the real S3, which is left as it was."""

import re

import pytest
from starlette.testclient import TestClient

from components import storage
from components.release_store import COMPARISONS, NIGHTS, STATE
from components.settings import Settings
from testing.compared_nights import two_queries, write_night
from workbench import catalogue, judging, nights, query_changes, ratings, rationale_pairs
from workbench.app import create_app

PREFIXES = (NIGHTS, COMPARISONS, "experiment", "packages")
CACHES = (nights.read_table, query_changes.sorted_pairs, query_changes.measure_queries)
CACHES += (judging.read_pairs, rationale_pairs.explained_pairs, rationale_pairs.describe_pairs)
CACHES += (catalogue.list_locales, catalogue.read_catalogue)


class Browser:
    """A client that keeps its cookie, and sends the token of its forms."""

    def __init__(self, user_header: str = "", **headers: str):
        self.client = TestClient(create_app(user_header=user_header), base_url="http://localhost", headers=headers)

    def get(self, address: str, **options):
        return self.client.get(address, **options)

    def post(self, address: str, form_page: str, **fields):
        token = re.search(r'name="token" value="(\w+)"', self.get(form_page).text)[1]
        return self.client.post(address, data=fields | {"token": token})


def empty_bucket() -> None:
    for prefix in PREFIXES:
        storage.remove_folder(prefix)
    for name in (ratings.NAME, STATE):
        storage.client().remove_object(Settings().s3_bucket, name)
    clear_caches()


def clear_caches() -> None:
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def empty_browser(s3):
    empty_bucket()
    yield Browser()
    empty_bucket()


@pytest.fixture
def browser(empty_browser):
    """Return a browser on a night of two queries."""
    pairs, rationales = two_queries()
    write_night(5, pairs, rationales)
    return empty_browser
