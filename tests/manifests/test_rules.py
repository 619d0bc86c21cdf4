"""Faults that platform teams have seen, planted one at a time in a rendered overlay. Each is caught."""

import pytest

from pipelines.cluster import manifest_rules
from tests.manifests.rendered import find_object, objects

STABLE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "other", "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"}},
    "spec": {"predictor": {"minReplicas": 2, "maxReplicas": 2, "serviceAccountName": "broadfast-serving"}},
}


def change(kind, name, edit):
    """Plant a fault by editing one object."""

    def plant(manifests):
        edit(find_object(manifests, kind, name))

    return plant


def add_service(name="other", mode="RawDeployment", **predictor):
    """Plant a fault by adding an InferenceService."""

    def plant(manifests):
        metadata = {"name": name, "annotations": {"serving.kserve.io/deploymentMode": mode}}
        spec = {"predictor": STABLE["spec"]["predictor"] | predictor}
        manifests.append(STABLE | {"metadata": metadata, "spec": spec})

    return plant


def pod(workload):
    return workload["spec"]["template"]["spec"]


def container(workload):
    return pod(workload)["containers"][0]


def remove_policy(policy):
    """Plant a fault by removing a network policy."""

    def plant(manifests):
        manifests.remove(find_object(manifests, "NetworkPolicy", policy))

    return plant


FAULTS = {
    "a typo in a field": (
        change("Deployment", "outcomes", lambda it: it["spec"].update(replica=3)),
        "outcomes: spec: Additional properties",
    ),
    "a number where text belongs": (
        change("ConfigMap", "broadfast-settings", lambda it: it["data"].update(BROADFAST_STABLE_REPLICAS=2)),
        "is not of type",
    ),
    "a value of an enum in small letters": (
        change("Deployment", "outcomes", lambda it: container(it).update(imagePullPolicy="always")),
        "imagePullPolicy: is 'always'; give one of Always, IfNotPresent, Never",
    ),
    "a restart policy that does not exist": (
        change("Deployment", "outcomes", lambda it: pod(it).update(restartPolicy="Sometimes")),
        "restartPolicy: is 'Sometimes'; give one of Always, Never, OnFailure",
    ),
    "a policy type in small letters": (
        change("NetworkPolicy", "default-deny", lambda it: it["spec"].update(policyTypes=["ingress", "Egress"])),
        "policyTypes: is 'ingress'; give one of Egress, Ingress",
    ),
    "fewer replicas than none": (
        change("Deployment", "outcomes", lambda it: it["spec"].update(replicas=-1)),
        "spec/replicas: is -1; give at least 0",
    ),
    "a probe without a pause": (
        change("Deployment", "outcomes", lambda it: container(it)["readinessProbe"].update(periodSeconds=0)),
        "periodSeconds: is 0; give at least 1",
    ),
    "a protocol in small letters": (
        change("Service", "outcomes", lambda it: it["spec"]["ports"][0].update(protocol="tcp")),
        "protocol: is 'tcp'; give one of SCTP, TCP, UDP",
    ),
    "a kind of service that does not exist": (
        change("Service", "outcomes", lambda it: it["spec"].update(type="Public")),
        "spec/type: is 'Public'",
    ),
    "an update strategy that does not exist": (
        change("Deployment", "outcomes", lambda it: it["spec"].update(strategy={"type": "Rolling"})),
        "spec/strategy/type: is 'Rolling'; give one of Recreate, RollingUpdate",
    ),
    "a container that may be root": (
        change("Deployment", "outcomes", lambda it: pod(it)["securityContext"].pop("runAsNonRoot")),
        "outcomes/outcomes: runAsNonRoot is not true",
    ),
    "a root that can be written to": (
        change(
            "StatefulSet", "redis", lambda it: container(it)["securityContext"].update(readOnlyRootFilesystem=False)
        ),
        "redis/redis: readOnlyRootFilesystem is not true",
    ),
    "capabilities that are kept": (
        change("Deployment", "outcomes", lambda it: container(it)["securityContext"].pop("capabilities")),
        "capabilities are not all dropped",
    ),
    "no seccomp profile": (
        change("Deployment", "outcomes", lambda it: pod(it)["securityContext"].pop("seccompProfile")),
        "seccompProfile",
    ),
    "the node's network": (
        change("Deployment", "outcomes", lambda it: pod(it).update(hostNetwork=True)),
        "hostNetwork is set",
    ),
    "a folder of the node": (
        change(
            "Deployment", "outcomes", lambda it: pod(it)["volumes"].append({"name": "v", "hostPath": {"path": "/"}})
        ),
        "volume v is a hostPath",
    ),
    "a token that nobody uses": (
        change("Deployment", "outcomes", lambda it: pod(it).pop("automountServiceAccountToken")),
        "automountServiceAccountToken is not false",
    ),
    "no limit of memory": (
        change("Deployment", "outcomes", lambda it: container(it)["resources"].pop("limits")),
        "no limit of memory",
    ),
    "the latest image": (
        change("Deployment", "outcomes", lambda it: container(it).update(image="registry.example.com/x:latest")),
        "has no tag that stays",
    ),
    "a wildcard": (
        change("Role", "broadfast-release", lambda it: it["rules"][1].update(verbs=["*"])),
        "Role/broadfast-release: a wildcard",
    ),
    "a patch of anything": (
        change("Role", "broadfast-release", lambda it: it["rules"][1].pop("resourceNames")),
        "delete, patch of any of inferenceservices",
    ),
    "all secrets": (
        change("Role", "broadfast-steps", lambda it: it["rules"][2].pop("resourceNames")),
        "secrets are more than gotten by name",
    ),
    "no default deny": (remove_policy("default-deny"), "none denies everything"),
    "a pod without a policy": (remove_policy("outcomes"), "Deployment/outcomes: no policy of its own"),
    "a way to the internet": (
        change(
            "NetworkPolicy",
            "serving-features",
            lambda it: it["spec"]["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        ),
        "a way out to 0.0.0.0/0",
    ),
    "a way out to everywhere": (
        change("NetworkPolicy", "serving-features", lambda it: it["spec"]["egress"].append({"ports": [{"port": 443}]})),
        "a way out to everywhere",
    ),
    "a password that is written out": (
        change("StatefulSet", "redis", lambda it: container(it)["env"].append({"name": "DB_PASSWORD", "value": "x"})),
        "DB_PASSWORD is written out",
    ),
    "a key in a ConfigMap": (
        change("ConfigMap", "broadfast-settings", lambda it: it["data"].update(AWS_SECRET_ACCESS_KEY="x")),
        "AWS_SECRET_ACCESS_KEY in a ConfigMap",
    ),
    "a Secret's content": (
        lambda manifests: manifests.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "x"}}
        ),
        "a Secret's content in a manifest",
    ),
    "canaryTrafficPercent in Standard mode": (add_service(canaryTrafficPercent=10), "silently ignored"),
    "no mode": (add_service(mode=None), "always say it"),
    "a candidate that autoscales": (add_service("relevance-candidate", maxReplicas=9), "a candidate that autoscales"),
    "an InferenceService of the release": (add_service("relevance-stable"), "release-control makes it"),
    "the default account": (add_service(serviceAccountName=""), "no serviceAccountName"),
    "rules in a route": (
        change(
            "HTTPRoute", "relevance", lambda it: it["spec"].update(rules=[{"backendRefs": [{"name": "x", "port": 80}]}])
        ),
        "release-control alone writes rules",
    ),
    "an alert without a page": (
        change("PrometheusRule", "broadfast", lambda it: it["spec"]["groups"][1]["rules"][0]["annotations"].clear()),
        "BroadfastNightMissing does not link to https://",
    ),
    "an alert without a severity": (
        change("PrometheusRule", "broadfast", lambda it: it["spec"]["groups"][1]["rules"][0]["labels"].clear()),
        "BroadfastNightMissing names no severity",
    ),
    "runbooks elsewhere than alerts link to": (
        change("ConfigMap", "broadfast-links", lambda it: it["data"].update(runbooks="https://wiki.example.com/r")),
        "BroadfastSlow does not link to https://wiki.example.com/r#broadfastslow: repeat the replacement",
    ),
    "a relative address of runbooks": (
        change("ConfigMap", "broadfast-links", lambda it: it["data"].update(runbooks="docs/runbooks.md")),
        "runbooks is 'docs/runbooks.md': give an absolute URL",
    ),
    "Knative traffic over a hundred": (
        lambda manifests: manifests.append(
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
    manifests = objects("staging")
    plant(manifests)
    faults = manifest_rules.find_faults(manifests)
    assert any(sentence in line for line in faults), faults


def test_production_refuses_an_image_by_tag():
    faults = manifest_rules.find_faults(objects("staging"), is_production=True)
    assert any("is by tag: run `make pin`" in fault for fault in faults)
    faults = manifest_rules.find_faults(objects("production"), is_production=True)
    assert not any("is by tag" in fault for fault in faults)
