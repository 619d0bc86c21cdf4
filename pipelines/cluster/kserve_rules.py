"""Rules of KServe and Knative objects that no schema has: modes, canaries, sums of weights."""

from collections.abc import Iterator, Sequence

from pipelines.cluster.manifest_pods import full_name

MODE = "serving.kserve.io/deploymentMode"
STANDARD = ("Standard", "RawDeployment")
KNATIVE = ("Knative", "Serverless")


def check_kserve(objects: Sequence[dict]) -> Iterator[str]:
    """Find what KServe's and Knative's webhooks refuse, or silently ignore."""
    for manifest in objects:
        if manifest["kind"] == "InferenceService":
            yield from (f"{full_name(manifest)}: {fault}" for fault in _service_faults(manifest))
        if manifest["kind"] == "Service" and manifest["apiVersion"].startswith("serving.knative.dev"):
            percents = [target.get("percent", 0) for target in manifest["spec"].get("traffic", [])]
            if percents and sum(percents) != 100:
                yield f"{full_name(manifest)}: traffic adds up to {sum(percents)}"
        if manifest["kind"] == "ServingRuntime" and _selects_itself(manifest):
            yield f"{full_name(manifest)}: autoSelect would take other people's models"


def _service_faults(service: dict) -> Iterator[str]:
    mode = service["metadata"].get("annotations", {}).get(MODE)
    predictor = service["spec"]["predictor"]
    canaries = service["spec"].get("canary", [])
    if mode not in STANDARD + KNATIVE:
        yield f"{MODE} is {mode!r}: always say it, for the default is the cluster's"
    if "canaryTrafficPercent" in predictor and mode in STANDARD:
        yield "canaryTrafficPercent in Standard mode is silently ignored: it would be a full rollout"
    if canaries:
        yield "spec.canary needs KServe over 0.20: two InferenceServices and a route do it in all versions"
    if sum(canary.get("trafficPercent", 0) for canary in canaries) > 100:
        yield "canaries take more than 100%"
    if service["metadata"]["name"].endswith("-candidate") and _autoscales(predictor):
        yield "a candidate that autoscales: its latency would be read at no known size"
    if not predictor.get("serviceAccountName"):
        yield "no serviceAccountName: packages would be read with the default account's keys"


def _selects_itself(runtime: dict) -> bool:
    return any(model_format.get("autoSelect") for model_format in runtime["spec"]["supportedModelFormats"])


def _autoscales(predictor: dict) -> bool:
    minimum = predictor.get("minReplicas", 1)
    has_range = predictor.get("maxReplicas", minimum) != minimum
    return has_range or bool({"scaleTarget", "scaleMetric", "autoScaling"} & predictor.keys())
