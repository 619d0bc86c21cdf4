"""Who gets a key on a cluster: the private one where packages are made, the public one where they are verified."""

from google.protobuf import json_format

from pipelines import resources
from pipelines.retrain import retrain

MAKERS = {"package-student", "package-student-2", "baseline-package"}


def test_only_makers_of_packages_get_the_private_key():
    spec = json_format.MessageToDict(resources.prepare_for_cluster(retrain).platform_spec)
    executors = spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors = {name.removeprefix("exec-"): executor for name, executor in executors.items()}
    holders = {name: executor["secretAsVolume"] for name, executor in executors.items() if "secretAsVolume" in executor}
    assert holders.keys() == MAKERS
    for (mount,) in holders.values():
        assert mount["secretName"] == "broadfast-signing" and mount["optional"]
    verifiers = {name for name, executor in executors.items() if "configMapAsVolume" in executor}
    assert {"gate-candidate", "start-canary", "register-baseline"} <= verifiers and not verifiers & MAKERS
