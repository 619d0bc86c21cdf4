"""Every query of a source gets one id and one split."""

from components.judgements.collection import Collection
from components.judgements.config import PrepareConfig
from components.judgements.queries import QueryIds, assign_split, carve_valid_split, split_anew
from components.judgements.raters import Rating


def identify_queries(rows: list[Rating], collection: Collection) -> list[Rating]:
    """Give every row the id of its query.

    Rows whose id is another text's are quarantined.
    """
    ids = QueryIds()
    keys = []
    good_rows = []
    for row in rows:
        try:
            keys.append(ids.add(row.fields["query_id"], row.fields["locale"], row.fields["query"]))
            good_rows.append(row)
        except ValueError as error:
            collection.set_aside(row.line, str(error), row.source_row)
    for row, key in zip(good_rows, keys, strict=True):
        row.fields["query_id"] = ids.resolve(key)
    return good_rows


def settle_splits(rows: list[Rating], config: PrepareConfig, collection: Collection) -> list[Rating]:
    """Put every query in one split, and quarantine rows that say another."""
    splits: dict[str, str] = {}
    for row in rows:
        if row.fields["split"]:
            splits.setdefault(row.fields["query_id"], row.fields["split"])
    splits |= assign_missing(rows, splits, config, collection)
    good_rows = []
    for row in rows:
        query_id = row.fields["query_id"]
        if row.fields["split"] not in (None, splits[query_id]):
            reason = f"split leak: the query is in {splits[query_id]} already, and here in {row.fields['split']}"
            collection.set_aside(row.line, reason, row.source_row)
        else:
            good_rows.append(row)
    carve(splits, config, collection)
    for row in good_rows:
        row.fields["split"] = splits[row.fields["query_id"]]
    return good_rows


def assign_missing(
    rows: list[Rating], splits: dict[str, str], config: PrepareConfig, collection: Collection
) -> dict[str, str]:
    """Return the splits of queries that have none, by their ids.

    Judgements of an earlier night's held-out queries have no train query by these: they are split anew.
    """
    query_ids = dict.fromkeys(row.fields["query_id"] for row in rows if row.fields["query_id"] not in splits)
    shares = (config.train_percent, config.valid_percent)
    by_hash = {name: assign_split(name, *shares) for name in query_ids}
    if splits or "train" in by_hash.values() or len(by_hash) < 2:
        return by_hash
    collection.warnings.append(
        f"{collection.name}: none of its {len(by_hash):,} queries is of the train split by its id, as where people "
        "judge what a night held out: they are split anew, so compare no figure with that night's"
    )
    return split_anew(query_ids, *shares)


def carve(splits: dict[str, str], config: PrepareConfig, collection: Collection) -> None:
    """Move train queries to a valid split that is too small, with a warning."""
    count_before = sum(split == "valid" for split in splits.values())
    query_ids = carve_valid_split(splits, config.valid_percent / (config.train_percent + config.valid_percent))
    splits |= dict.fromkeys(query_ids, "valid")
    if query_ids:
        collection.warnings.append(
            f"{collection.name} has {count_before or 'no'} queries in a valid split, on which models are compared: "
            f"one is carved from the train split by query ({len(query_ids):,} of its queries)"
        )
