"""Faults that a platform team has seen before, planted one at a time in a rendered overlay: each is caught."""

import pytest

from pipelines.cluster import manifest_rules
from tests.manifests.rendered import objects, one

STABLE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "other", "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"}},
    "spec": {"predictor": {"minReplicas": 2, "maxReplicas": 2, "serviceAccountName": "broadfast-serving"}},
}


def changed(kind, name, change):
    def plant(found):
        change(one(found, kind, name))

    return plant


def service(name="other", mode="RawDeployment", **predictor):
    def plant(found):
        made = STABLE | {"metadata": {"name": name, "annotations": {"serving.kserve.io/deploymentMode": mode}}}
        found.append(made | {"spec": {"predictor": STABLE["spec"]["predictor"] | predictor}})

    return plant


def pod(one):
    return one["spec"]["template"]["spec"]


def container(one):
    return pod(one)["containers"][0]


def without(policy):
    def plant(found):
        found.remove(one(found, "NetworkPolicy", policy))

    return plant


FAULTS = {
    "a typo in a field": (
        changed("Deployment", "outcomes", lambda it: it["spec"].update(replica=3)),
        "outcomes: spec: Additional properties",
    ),
    "a number where text belongs": (
        changed("ConfigMap", "broadfast-settings", lambda it: it["data"].update(BROADFAST_STABLE_REPLICAS=2)),
        "is not of type",
    ),
    "a container that may be root": (
        changed("Deployment", "outcomes", lambda it: pod(it)["securityContext"].pop("runAsNonRoot")),
        "outcomes/outcomes: runAsNonRoot is not true",
    ),
    "a root that can be written to": (
        changed(
            "StatefulSet", "redis", lambda it: container(it)["securityContext"].update(readOnlyRootFilesystem=False)
        ),
        "redis/redis: readOnlyRootFilesystem is not true",
    ),
    "capabilities that are kept": (
        changed("Deployment", "outcomes", lambda it: container(it)["securityContext"].pop("capabilities")),
        "capabilities are not all dropped",
    ),
    "no seccomp profile": (
        changed("Deployment", "outcomes", lambda it: pod(it)["securityContext"].pop("seccompProfile")),
        "seccompProfile",
    ),
    "the node's network": (
        changed("Deployment", "outcomes", lambda it: pod(it).update(hostNetwork=True)),
        "hostNetwork is set",
    ),
    "a folder of the node": (
        changed(
            "Deployment", "outcomes", lambda it: pod(it)["volumes"].append({"name": "v", "hostPath": {"path": "/"}})
        ),
        "volume v is a hostPath",
    ),
    "a token that nobody uses": (
        changed("Deployment", "outcomes", lambda it: pod(it).pop("automountServiceAccountToken")),
        "automountServiceAccountToken is not false",
    ),
    "no limit of memory": (
        changed("Deployment", "outcomes", lambda it: container(it)["resources"].pop("limits")),
        "no limit of memory",
    ),
    "the latest image": (
        changed("Deployment", "outcomes", lambda it: container(it).update(image="registry.example.com/x:latest")),
        "has no tag that stays",
    ),
    "a wildcard": (
        changed("Role", "broadfast-release", lambda it: it["rules"][1].update(verbs=["*"])),
        "Role/broadfast-release: a wildcard",
    ),
    "a patch of anything": (
        changed("Role", "broadfast-release", lambda it: it["rules"][1].pop("resourceNames")),
        "delete, patch of any of inferenceservices",
    ),
    "all secrets": (
        changed("Role", "broadfast-steps", lambda it: it["rules"][2].pop("resourceNames")),
        "secrets are more than gotten by name",
    ),
    "no default deny": (without("default-deny"), "none denies everything"),
    "a pod without a policy": (without("outcomes"), "Deployment/outcomes: no policy of its own"),
    "a way to the internet": (
        changed(
            "NetworkPolicy",
            "serving",
            lambda it: it["spec"]["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        ),
        "a way out to 0.0.0.0/0",
    ),
    "a way out to everywhere": (
        changed("NetworkPolicy", "serving", lambda it: it["spec"]["egress"].append({"ports": [{"port": 443}]})),
        "a way out to everywhere",
    ),
    "a password that is written out": (
        changed("StatefulSet", "redis", lambda it: container(it)["env"].append({"name": "DB_PASSWORD", "value": "x"})),
        "DB_PASSWORD is written out",
    ),
    "a key in a ConfigMap": (
        changed("ConfigMap", "broadfast-settings", lambda it: it["data"].update(AWS_SECRET_ACCESS_KEY="x")),
        "AWS_SECRET_ACCESS_KEY in a ConfigMap",
    ),
    "a Secret's content": (
        lambda found: found.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "x"}}
        ),
        "a Secret's content in a manifest",
    ),
    "canaryTrafficPercent in Standard mode": (service(canaryTrafficPercent=10), "silently ignored"),
    "no mode": (service(mode=None), "always say it"),
    "a candidate that autoscales": (service("relevance-candidate", maxReplicas=9), "a candidate that autoscales"),
    "an InferenceService of the release": (service("relevance-stable"), "the release step makes it"),
    "the default account": (service(serviceAccountName=""), "no serviceAccountName"),
    "rules in a route": (
        changed(
            "HTTPRoute", "relevance", lambda it: it["spec"].update(rules=[{"backendRefs": [{"name": "x", "port": 80}]}])
        ),
        "the release step alone writes rules",
    ),
    "an alert without a page": (
        changed("PrometheusRule", "broadfast", lambda it: it["spec"]["groups"][1]["rules"][0]["annotations"].clear()),
        "BroadfastNightMissing names no severity or not its page",
    ),
    "Knative traffic over a hundred": (
        lambda found: found.append(
            {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Service",
                "metadata": {"name": "k"},
                "spec": {"traffic": [{"percent": 60}, {"percent": 50}]},
            }
        ),
        "traffic adds up to 110",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    plant, sentence = FAULTS[fault]
    found = objects("staging")
    plant(found)
    said = manifest_rules.faults(found)
    assert any(sentence in one for one in said), said


def test_production_refuses_an_image_by_tag():
    found = objects("staging")
    assert any("is by tag: run `make pin`" in one for one in manifest_rules.faults(found, production=True))
    assert not any("is by tag" in one for one in manifest_rules.faults(objects("production"), production=True))
