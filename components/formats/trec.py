"""TREC's qrels and run files, separated by white space, with the queries' texts in a file of their own.

Readers of runs order by score, never by the rank column, and equal scores by item id, the last one first. trec_eval
holds scores as 32-bit floats. So a run's scores fall strictly as such here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from components.csv_records import TableRow
from components.formats.text_files import describe_rating, parse_rating, read_lines

QRELS_CELLS = 4
RUN_CELLS = 6


def read_qrels(path: Path) -> Iterator[TableRow]:
    """Yield the rows of qrels.

    A rating below 0 is that of a pooled item that nobody judged.
    """
    for number, line in read_lines(path):
        cells = line.split()
        if len(cells) != QRELS_CELLS:
            error = f"wrong number of fields: {len(cells)}, where qrels have 4: QUERY 0 ITEM RATING"
            yield TableRow(number, error=error, text=line)
        elif (rating := parse_rating(cells[3])) is None:
            yield TableRow(number, error=describe_rating("the fourth field", cells[3]), text=line)
        else:
            label = cells[3] if rating >= 0 else None
            yield TableRow(number, {"query_id": cells[0], "item_id": cells[2], "label": label})


def read_run(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a run, with score and position."""
    for number, line in read_lines(path):
        cells = line.split()
        if len(cells) != RUN_CELLS:
            error = f"wrong number of fields: {len(cells)}, where a run has 6: QUERY Q0 ITEM RANK SCORE NAME"
            yield TableRow(number, error=error, text=line)
        elif parse_rating(cells[4]) is None:
            yield TableRow(number, error=describe_rating("the fifth field", cells[4]), text=line)
        else:
            fields = {"query_id": cells[0], "item_id": cells[2], "score": cells[4]}
            yield TableRow(number, fields | {"position": cells[3] if cells[3].isdecimal() else None})


def read_queries(path: Path) -> dict[str, str]:
    """Return the texts of a file of query id, tab, query, by id.

    A header is no query.

    Raises:
        ValueError: a line has no tab, or an id has two texts; the sentence names the line.
    """
    texts: dict[str, str] = {}
    for number, line in read_lines(path):
        query_id, tab, text = (part.strip() for part in line.partition("\t"))
        if not text:
            raise ValueError(f"{path.name}, line {number}: {line!r} has no tab; write QUERY_ID, a tab, and the query")
        if (query_id.lower(), text.lower()) == ("query_id", "query"):
            continue
        if texts.setdefault(query_id, text) != text:
            raise ValueError(f"{path.name}, line {number}: the query id {query_id} has two texts; keep one of them")
    return texts


def write_queries(rows: Iterable[Mapping], path: Path) -> int:
    """Write the texts of the rows' queries, and return their number."""
    texts = {row["query_id"]: " ".join(row["query"].split()) for row in rows if row["query"]}
    lines = [f"{query_id}\t{text}\n" for query_id, text in texts.items()]
    path.write_text("".join(lines), encoding="utf-8")
    return len(texts)


def write_qrels(rows: Iterable[Mapping], path: Path) -> int:
    """Write qrels, and return the number of ratings, which are whole numbers."""
    lines = [f"{row['query_id']} 0 {row['item_id']} {int(row['number'])}\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def write_run(rows: Iterable[Mapping], path: Path, name: str) -> int:
    """Write a run of ordered rows, and return how many scores became ranks.

    The scores of a query that do not fall strictly become the number of items from there to the end.
    """
    replaced_scores = 0
    lines = []
    for query_id, query_rows in groupby(rows, key=lambda row: row["query_id"]):
        items = list(query_rows)
        scores = [row["number"] for row in items]
        if not falls_strictly(scores):
            replaced_scores += len(items)
            scores = [float(len(items) - index) for index in range(len(items))]
        for rank, (row, score) in enumerate(zip(items, scores, strict=True), 1):
            lines.append(f"{query_id} Q0 {row['item_id']} {rank} {score!r} {name}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return replaced_scores


def falls_strictly(scores: Sequence[float | None]) -> bool:
    """Return True if all scores are there and fall as 32-bit floats."""
    if None in scores:
        return False
    with np.errstate(over="ignore"):
        narrow_scores = np.asarray(scores, dtype=np.float32)
    return all(first > second for first, second in pairwise(narrow_scores))
