"""One row a pair from the rows of a file, with an account of what became of every row."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from components.csv_records import TableRow
from components.formats.text_files import parse_rating
from components.item_keys import DEFAULT_LOCALE
from components.judgements.labels import LabelScale, is_unrated
from components.query_text import normalise_query
from components.sampling import hash_id


@dataclass
class Pairs:
    """The pairs of a file in its order, and what became of its rows.

    The count `read` is the sum of the others.
    """

    rows: list[dict] = field(default_factory=list)
    bare_queries: list[dict] = field(default_factory=list)  # of rows that name a query and no item
    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def set_aside(self, line: int, reason: str) -> None:
        """Count a row that cannot be used."""
        self.counts["set_aside"] += 1
        self.problems.append(f"line {line}: {reason}")


def collect_pairs(rows: Iterable[TableRow], keeps_raters: bool = False) -> Pairs:
    """Return one row a pair, or one a rater where raters are kept.

    Else several ratings of a pair become their median, or what most raters gave. Copies are counted.
    """
    pairs = Pairs()
    groups: dict[tuple, list[dict]] = defaultdict(list)
    queries: dict[str, tuple] = {}
    for row in rows:
        pairs.counts["read"] += 1
        try:
            fields = complete(row, queries)
        except ValueError as error:
            pairs.set_aside(row.line, str(error))
            continue
        if fields["item_id"] is None:
            pairs.counts["queries_without_items"] += 1
            pairs.bare_queries.append(fields)
        else:
            rater = fields.get("rater") if keeps_raters else None
            groups[(fields["query_id"], fields["item_id"], rater)].append(fields)
    for group in groups.values():
        combine(group, pairs)
    pairs.counts["pairs"] = len(pairs.rows)
    return pairs


def is_empty(value: object) -> bool:
    """Return True for nothing and for blanks."""
    return value is None or not str(value).strip()


def complete(row: TableRow, queries: dict[str, tuple]) -> dict:
    """Return a row's fields as texts, with ids for query and item.

    `own_query_id` is the source's own, if any. `queries` is query id -> locale and text, and grows.

    Raises:
        ValueError: the row is broken, names no query, or its query id is that of another text.
    """
    if row.error:
        raise ValueError(row.error)
    fields = {name: None if is_empty(value) else to_text(value) for name, value in row.values.items()}
    fields["line"] = row.line
    query = fields.setdefault("query", None)
    query_id = fields.setdefault("query_id", None)
    fields["own_query_id"] = query_id
    if query is None and query_id is None:
        raise ValueError("no query: the row has neither a text nor an id; fill in one of them")
    locale = fields.get("locale") or DEFAULT_LOCALE
    if query_id is None:
        fields["query_id"] = name_query(locale, query, queries)
    elif queries.setdefault(query_id, (locale, query and normalise_query(query))) != (
        locale,
        query and normalise_query(query),
    ):
        raise ValueError(f"query id conflict: {query_id} is {queries[query_id]} already, and here {query!r} ({locale})")
    if fields.get("item_id") is None:
        title = fields.get("title")
        fields["item_id"] = hash_id(title, fields.get("brand") or "") if title else None
    label = fields.setdefault("label", None)
    fields["label"] = None if is_unrated(label) else label
    return fields


def name_query(locale: str, query: str, queries: dict[str, tuple]) -> str:
    """Return a query text's id: the platform's own, unless a similar text has it."""
    query_id = hash_id(locale, normalise_query(query))
    if queries.setdefault(query_id, (locale, query)) == (locale, query):
        return query_id
    return hash_id(locale, normalise_query(query), query)


def to_text(value: object) -> str:
    """Return a value as text: a whole number without its point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def combine(group: Sequence[dict], pairs: Pairs) -> None:
    """Add one row for a pair, or count its rows where raters are divided."""
    ratings = [row for row in group if row["label"] is not None]
    first = ratings[0] if ratings else group[0]
    if len(ratings) < 2:
        pairs.counts["copies"] += len(group) - 1
        pairs.rows.append(first)
        return
    pairs.counts["copies"] += len(group) - len(ratings)
    label = choose_label([row["label"] for row in ratings])
    if label is None:
        pairs.counts["divided"] += len(ratings)
        names = ", ".join(sorted({row["label"] for row in ratings}))
        pairs.problems.append(f"line {first['line']}: raters are divided ({names}); let one more person rate the pair")
        return
    pairs.counts["merged_ratings"] += len(ratings) - 1
    pairs.rows.append(first | {"label": label, "rater": None, "ratings": len(ratings)})


def choose_label(labels: Sequence[str]) -> str | None:
    """Return the median of numbers, else what most gave, or None where they are divided."""
    numbers = [parse_rating(label) for label in labels]
    if None not in numbers:
        return to_text(median(numbers))
    (label, votes), *others = Counter(labels).most_common(2)
    return None if others and others[0][1] == votes else label


def set_numbers(pairs: Pairs, scale: LabelScale | None, grades: Mapping[str, float]) -> Counter:
    """Give every row the `number` of its rating, and count labels without one.

    A row without a rating gets None. A number stays itself, unless a scale is named: then it becomes a label of ours,
    and the label its grade.
    """
    unknown: Counter = Counter()
    names = LabelScale() if scale is None else scale
    for row in pairs.rows:
        label = row["label"]
        number = None if label is None or scale is not None else parse_rating(label)
        if label is not None and number is None:
            name = names.find(label)
            number = grades.get(name) if name else None
            if number is None:
                unknown[label] += 1
        row["number"] = number
    return unknown
