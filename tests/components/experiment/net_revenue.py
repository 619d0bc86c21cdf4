"""Net revenue by user in pandas: what an analyst would write, independent of the platform's queries."""

from datetime import timedelta

import pandas as pd

SKEW = timedelta(minutes=5)
WINDOW = timedelta(days=1)
REFUND_WINDOW = timedelta(days=30)


def net_revenue(exposures: list[dict], outcomes: list[dict], currency: str = "USD") -> dict:
    """Return each user's orders less refunds, in minor units."""
    pages = pd.DataFrame(exposures).sort_values("time").drop_duplicates(["request_id", "item_id"])
    pages = pages[["request_id", "item_id", "user_hash", "time"]].rename(columns={"time": "shown"})
    rows = pd.DataFrame(outcomes)
    rows["currency"] = rows.currency.fillna(currency).str.upper()
    rows = rows[(rows.currency == currency) & rows.revenue.notna()]
    rows = rows.sort_values(["time", "revenue"], ascending=[True, False])
    is_refund = (rows.kind == "refund") | ((rows.kind == "order") & (rows.revenue < 0))
    orders = rows[(rows.kind == "order") & ~is_refund].merge(pages, on=["request_id", "item_id"])
    orders = orders[(orders.time >= orders.shown - SKEW) & (orders.time <= orders.shown + WINDOW)]
    orders["key"] = orders.order_id.fillna(orders.request_id)
    orders = orders.drop_duplicates(["key", "item_id"])
    refunds = rows[is_refund].drop_duplicates(["request_id", "item_id", "order_id", "revenue"])
    matched = refunds.merge(orders, on=["request_id", "item_id"], suffixes=("", "_order"))
    is_same = matched.order_id.isna() | matched.order_id_order.isna() | (matched.order_id == matched.order_id_order)
    matched = matched[is_same & (matched.time <= matched.time_order + REFUND_WINDOW)]
    matched = matched[matched.time >= matched.time_order - SKEW]
    income = orders.groupby("user_hash").revenue.sum()
    loss = matched.groupby("user_hash").revenue.apply(lambda amounts: amounts.abs().sum())
    return income.sub(loss, fill_value=0).to_dict()
