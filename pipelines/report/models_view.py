"""The scored models and the gate as the report shows them."""

MODELS = {  # name: the steps that scored, trained and packaged it
    "LRKD": ("score LRKD student", "distil student (LRKD)", "package LRKD student"),
    "plain": ("score plain student", "train plain student", "package plain student"),
    "baseline": ("score baseline", "", "baseline package"),
}
METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "ndcg_at_10": "NDCG@10",
    "calibration_error": "calibration error",
    "auc_exact": "AUC of Exact",
}
LOWER_IS_BETTER = METRICS["calibration_error"]


def list_models(facts: dict, rankings: dict) -> dict[str, dict]:
    """Return the scored models by name, with all their measures.

    A student that is absent, since its teacher does not qualify, is left out.
    """
    choice = facts.get("choose candidate", {})
    baseline_metrics = facts.get("gate candidate", {}).get("metrics", {}).get("baseline", {})
    metrics = {"baseline": baseline_metrics} | choice.get("metrics", {})
    ndcg = rankings.get("ndcg_at_10", {})
    models = {}
    for name, steps in MODELS.items():
        score_step, train_step, package_step = steps
        scores = facts.get(score_step)
        if not scores or scores.get("absent"):
            continue
        package = facts.get(package_step, {})
        training = facts.get(train_step) or package.get("trained", {})
        known_ndcg = {"ndcg_at_10": ndcg[name]} if name in ndcg else {}
        model = {"name": name, "is_candidate": name == choice.get("student")} | metrics.get(name, {})
        model |= known_ndcg | scores
        models[name] = model | {"training": training, "package": package}
    return models


def find_candidate(models: dict[str, dict]) -> dict[str, dict]:
    """Return the candidate's measures under that name, or nothing before one is chosen."""
    candidates = [model for model in models.values() if model["is_candidate"]]
    return {"candidate": candidates[0]} if candidates else {}


def describe_gate(facts: dict) -> dict:
    """Return the gate's facts with every difference placed on one scale."""
    overall = []
    for name, difference in facts.get("differences", {}).items():
        values = {model: metrics[name] for model, metrics in facts["metrics"].items()}
        overall.append({"slice": "", "value": METRICS[name], "rows": facts["rows"]} | values | difference)
    parts = [*overall, *facts.get("slices", [])]
    bounds = [abs(part[side]) for part in parts for side in ("low", "high")]
    reach = max(bounds, default=0) or 1.0
    return facts | {"parts": [place_on_scale(part, reach) for part in parts], "reach": reach}


def place_on_scale(part: dict, reach: float) -> dict:
    """Return a difference with its places on the scale, in percent of its width."""
    places = {f"{name}_at": 50 + 48 * part[name] / reach for name in ("low", "difference", "high")}
    return part | places | {"side": judge_side(part)}


def judge_side(part: dict) -> str:
    """Return better or worse where the interval excludes zero, else unclear."""
    is_error = not part["slice"] and part["value"] == LOWER_IS_BETTER
    if part["low"] > 0:
        return "worse" if is_error else "better"
    if part["high"] < 0:
        return "better" if is_error else "worse"
    return "unclear"
