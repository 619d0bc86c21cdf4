"""Features of now for three items, one in two locales, and one query, without logs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import contracts
from components.item_keys import item_key

ITEMS = {"i1": ("red running shoes", 50.0), "i2": ("blue running socks", 5.0), "i3": ("garden hose", 20.0)}
ITEMS |= {item_key("i3", "es"): ("manguera de jardín", 25.0)}


def build_night(folder: Path) -> Path:
    """Build the features of now below `folder` and return their folder."""
    from components.features.build import build
    from components.features.materialize import materialize

    now = datetime.now(UTC)
    judgement = dict.fromkeys(contracts.JUDGEMENTS.names, "") | {"query_id": "q1", "item_id": "i1"}
    contracts.write([judgement], contracts.JUDGEMENTS, folder / "judgements.parquet")
    blank = {"brand": "Acme", "category": "Sport", "attributes": "", "rating": 4.0, "time": now - timedelta(days=9)}
    rows = [{"item_id": name, "title": title, "price": price, **blank} for name, (title, price) in ITEMS.items()]
    contracts.write(rows, contracts.ITEMS, folder / "items.parquet")
    build(folder / "judgements.parquet", folder / "items.parquet", None, now, folder / "features")
    materialize(folder / "features", now)
    return folder / "features"
