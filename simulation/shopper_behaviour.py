"""What a shopper does with a page: clicks, orders, refunds and grades, by the hidden truth."""

import numpy as np

from components.sampling import hash_fraction, hash_id
from simulation.shopping_world import Query

CLICK = {"Exact": 0.35, "Substitute": 0.15, "Complement": 0.08, "Irrelevant": 0.03}  # once looked at
ORDER = {"Exact": 0.25, "Substitute": 0.10, "Complement": 0.08, "Irrelevant": 0.01}  # once clicked
GRADE = {"Exact": 0.95, "Substitute": 0.60, "Complement": 0.30, "Irrelevant": 0.05}  # mean satisfaction, 0 to 1
REFUND = {"Exact": 0.02, "Substitute": 0.10, "Complement": 0.15, "Irrelevant": 0.40}  # once ordered
GRADE_DEVIATION = 0.1  # standard deviation around that mean
GRADE_SHARE = 0.3  # of exposures have a grade
DEFAULT_PRICE = 20.0  # where the catalogue names none
CURRENCY = "USD"


def behave(query: Query, page: list[str], prices: dict, readiness: float, rng: np.random.Generator) -> list[dict]:
    """Return the outcomes of a page, top first.

    A shopper looks at an item the less the lower it stands, and clicks and orders by its true label. `readiness`
    multiplies how often it orders.
    """
    outcomes = []
    for position, (item, chance) in enumerate(zip(page, rng.random((len(page), 4)), strict=True), start=1):
        label = query.labels.get(item, "Irrelevant")
        is_seen = chance[0] < 1 / np.log2(1 + position)
        noise = rng.normal(0, GRADE_DEVIATION)
        if is_seen and chance[1] < CLICK[label]:
            outcomes.append({"item_id": item, "kind": "click"})
            if chance[2] < ORDER[label] * readiness:
                price = prices.get(item, DEFAULT_PRICE)
                outcomes.append({"item_id": item, "kind": "order", "revenue": round(100 * price), "currency": CURRENCY})
        if chance[3] < GRADE_SHARE:
            grade = float(np.clip(GRADE[label] + noise, 0, 1))
            outcomes.append({"item_id": item, "kind": "grade", "grade": round(grade, 4)})
    return outcomes


def add_order_ids(query: Query, outcomes: list[dict], request_id: str, draw_key: str) -> list[dict]:
    """Return a request's outcomes with ids, and the refunds of some orders.

    Which orders are taken back depends on `draw_key` and the item.
    """
    rows = []
    for outcome in outcomes:
        row = {"request_id": request_id} | outcome
        if outcome["kind"] == "order":
            row["order_id"] = hash_id(request_id, outcome["item_id"])
        rows.append(row)
        label = query.labels.get(outcome["item_id"], "Irrelevant")
        draw = hash_fraction(f"refund/{draw_key}/{outcome['item_id']}")
        if outcome["kind"] == "order" and draw < REFUND[label]:
            rows.append(row | {"kind": "refund"})
    return rows
