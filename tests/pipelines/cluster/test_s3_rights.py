"""What the pairs of keys may do, in a real S3 with the identities that `make secrets` writes."""

import json
from dataclasses import replace

import pytest
from minio.error import S3Error

from components import storage
from components.release_store import STATE, read_state, update_state
from pipelines.cluster.secret_recipes import IDENTITIES, RECIPES, S3_KEYS, S3_ROLES, SecretPlan
from pipelines.local.s3_server import configure_s3
from testing.compared_nights import compared_pair
from testing.servers import environment, process
from workbench import ratings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """Return the environment of each pair of keys, over an S3 with a bucket and a package."""
    folder = tmp_path_factory.mktemp("s3")
    server = configure_s3(folder)
    plan = SecretPlan({"BROADFAST_S3_BUCKET": "broadfast", "BROADFAST_S3_ENDPOINT": server.endpoint}, [], set(), {})
    plan = replace(plan, names={IDENTITIES, *S3_ROLES})
    for name in (*S3_ROLES, IDENTITIES):
        plan.values[name] = RECIPES[name](plan, ask=None).values
    assert len(json.loads(plan.values[IDENTITIES]["s3.json"])["identities"]) == len(S3_ROLES)
    (folder / "s3.json").write_text(plan.values[IDENTITIES]["s3.json"])
    keys = {name: dict(zip(S3_KEYS, map(plan.values[name].get, S3_KEYS), strict=True)) for name in S3_ROLES}
    endpoint = {"BROADFAST_S3_ENDPOINT": server.endpoint, "BROADFAST_S3_REGION": "us-east-1"}  # as the overlays say
    environments = {name: endpoint | keys[name] for name in S3_ROLES}
    with process(server.command, f"{server.endpoint}/healthz"):
        with environment(**environments["broadfast-s3"]):
            storage.ensure_bucket()
            storage.put_json("packages/v1/lineage.json", {})
        yield environments


def may(action, name):
    try:
        action(name)
    except S3Error as error:
        assert error.code == "AccessDenied"
        return False
    return True


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        ("broadfast-s3", {"packages/v1/a", "logs/a", "judgements/a", "release/a", "rationales/a"}),
        ("broadfast-models", set()),
        ("broadfast-logs", {"logs/a"}),
        ("broadfast-workbench", {"judgements/a", "release/a"}),
    ],
)
def test_keys_write_what_their_role_says(environments, keys, written):
    with environment(**environments[keys]):
        names = ("packages/v1/a", "logs/a", "judgements/a", "release/a", "rationales/a")
        assert {name for name in names if may(write, name)} == written


def write(name):
    storage.put_json(name, {})


def read(name):
    storage.get_bytes(f"{name}/a")


def list_all(name):
    list(storage.list_names(name))


@pytest.mark.parametrize("action", [read, list_all])
def test_the_servers_keys_see_logs_alone(environments, action):
    names = ("packages/v1", "logs", "release")
    with environment(**environments["broadfast-logs"]):
        assert [name for name in names if may(action, name)] == ["logs"]
    with environment(**environments["broadfast-models"]):
        assert [name for name in names if may(action, name)] == [*names]


def test_the_workbench_keeps_ratings_and_orders(environments):
    with environment(**environments["broadfast-workbench"]):
        ratings.add_rating(compared_pair(), "Exact", "ada")
        update_state(lambda state: replace(state, stable="v1"), "by hand", by="ada")
        assert [rating.rater for rating in ratings.read_ratings()] == ["ada"] and read_state().stable == "v1"
        assert "packages/v1/lineage.json" in storage.list_names("packages") and storage.get_bytes(STATE)
