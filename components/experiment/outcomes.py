"""What came of each exposure: every outcome row is judged by its own time, and counts or is set aside for a reason.

A date without a time is some time on its day. A refund belongs to the exposure of its order. Rows that are set aside
never shadow rows that count.
"""

import duckdb

from components.experiment.deduplicate import key_hash, number_duplicates, without_duplicates
from components.experiment.log_views import KINDS
from components.experiment.records import AttributionRules
from components.experiment.sql import text

ROW = ("id", "t", "last_t", "request_id", "item_id", "kind", "order_id", "currency", "revenue", "grade")
LARGEST_AMOUNT = 10**15  # minor units: ten thousand billion currency units are no order
UNKNOWN_KINDS = 20  # named in the accounts, the most frequent first


def match_outcomes(db: duckdb.DuckDBPyConnection, rules: AttributionRules) -> None:
    """Make `matched_outcomes` the outcome rows with their exposures, and `outcome_reasons` a reason for every row.

    The reason is '' where a row counts. A row's revenue is its amount: an order's adds, a refund's subtracts.
    """
    _read_outcomes(db)
    _find_candidates(db)
    _match_exposures(db, rules)
    _match_refunds(db, rules)
    db.execute(
        """CREATE TABLE outcome_reasons AS SELECT o.id, o.kind, CASE
              WHEN m.id IS NOT NULL THEN ''
              WHEN o.problem <> '' THEN o.problem
              WHEN t.id IS NOT NULL OR f.id IS NOT NULL THEN 'copy'
              WHEN o.kind = 'refund' THEN coalesce(r.problem, 'refund of no counted order')
              ELSE coalesce(e.problem, 'no exposure') END AS reason
           FROM outcome_rows o LEFT JOIN (SELECT id FROM matched_outcomes) m USING (id)
           LEFT JOIN (SELECT id FROM timely_outcomes) t USING (id)
           LEFT JOIN (SELECT id FROM timely_refunds) f USING (id)
           LEFT JOIN mistimed_outcomes e USING (id) LEFT JOIN mistimed_refunds r USING (id)"""
    )


def _read_outcomes(db: duckdb.DuckDBPyConnection) -> None:
    """Make `outcome_rows` all rows, numbered, with what is wrong with a row taken by itself."""
    has_revenue = f"revenue IS NOT NULL AND isfinite(revenue) AND abs(revenue) < {LARGEST_AMOUNT}"
    has_grade = "grade IS NOT NULL AND isfinite(grade)"
    kind = "CASE WHEN kind = 'order' AND revenue < 0 THEN 'refund' ELSE kind END"
    db.execute(
        f"""CREATE TABLE outcome_rows AS SELECT row_number() OVER () AS id, t, last_t, request_id, item_id,
            {kind} AS kind, nullif(order_id, '') AS order_id, upper(trim(coalesce(currency, ''))) AS currency,
            abs(revenue) AS revenue, grade, CASE
                WHEN kind IS NULL OR kind NOT IN ({", ".join(map(text, KINDS))}) THEN 'unknown kind'
                WHEN t IS NULL THEN 'no time'
                WHEN kind IN ('order', 'refund') AND NOT ({has_revenue}) THEN 'no amount'
                WHEN kind = 'grade' AND NOT ({has_grade}) THEN 'no grade' ELSE '' END AS problem
            FROM outcomes"""
    )


def _find_candidates(db: duckdb.DuckDBPyConnection) -> None:
    """Make `duplicate_candidates` the few exposures that have outcomes or may be copies."""
    hashes = f"""SELECT h FROM duplicate_hashes_exposures
        UNION ALL SELECT {key_hash("exposures")} FROM outcome_rows WHERE problem = ''"""
    db.execute(
        f"CREATE TABLE duplicate_candidates AS SELECT * FROM exposures WHERE {key_hash('exposures')} IN ({hashes})"
    )
    number_duplicates(db, "exposures", "duplicate_candidates")


def _match_exposures(db: duckdb.DuckDBPyConnection, rules: AttributionRules) -> None:
    """Make `timely_outcomes` the clicks, orders and grades near their exposure, `mistimed_outcomes` the others."""
    first = f"e.t - {_skew('o', rules)}"
    last = f"e.t + {_micros(rules.outcome_window)}"
    row = ", ".join(f"o.{name}" for name in ROW if name not in ("t", "last_t"))
    problem = f"CASE WHEN o.last_t < {first} THEN 'too early' WHEN o.t > {last} THEN 'too late' ELSE '' END"
    db.execute(
        f"""CREATE TABLE exposures_with_outcome AS SELECT {row}, o.t AS outcome_t, {problem} AS problem,
            e.* EXCLUDE (request_id, item_id)
            FROM outcome_rows o JOIN {without_duplicates("exposures", "duplicate_candidates")} e
            ON o.request_id = e.request_id AND o.item_id = e.item_id
            WHERE o.problem = '' AND o.kind <> 'refund'"""
    )
    db.execute(
        """CREATE VIEW timely_outcomes AS SELECT * EXCLUDE (problem) FROM exposures_with_outcome
           WHERE coalesce(problem, '') = ''"""
    )
    db.execute("CREATE VIEW mistimed_outcomes AS SELECT id, problem FROM exposures_with_outcome WHERE problem <> ''")
    db.execute(f"CREATE TABLE matched_outcomes AS {_first_of_copies('timely_outcomes', _copy_key())}")


def _match_refunds(db: duckdb.DuckDBPyConnection, rules: AttributionRules) -> None:
    """Make `timely_refunds` the refunds of counted orders, and `mistimed_refunds` those outside their window.

    A refund's order has its order id, or its request and item where one of the two names no order.
    """
    too_early = f"r.last_t < o.outcome_t - {_skew('r', rules)}"
    too_late = f"r.t > o.outcome_t + {_micros(rules.refund_window)}"
    problem = f"CASE WHEN {too_early} THEN 'too early' WHEN {too_late} THEN 'too late' ELSE '' END AS problem"
    order = "o.* EXCLUDE (id, kind, currency, revenue, grade, outcome_t)"
    currency = "CASE WHEN r.currency = '' THEN o.currency ELSE r.currency END AS currency"
    amount = f"'refund' AS kind, {currency}, r.revenue, NULL::DOUBLE AS grade"
    refund = f"SELECT r.id, {amount}, r.t AS outcome_t, {order}, {problem}"
    same_currency = "(r.currency = o.currency OR r.currency = '' OR o.currency = '')"
    by_order = "r.order_id = o.order_id AND (r.item_id IS NULL OR r.item_id = o.item_id)"
    by_item = "r.request_id = o.request_id AND r.item_id = o.item_id"
    db.execute(
        f"""CREATE TABLE refunds AS WITH orders AS (SELECT * FROM matched_outcomes WHERE kind = 'order'),
            rows AS (SELECT * FROM outcome_rows WHERE kind = 'refund' AND problem = '')
            SELECT * FROM (
                {refund}, 0 AS rank FROM rows r JOIN orders o ON {by_order} WHERE {same_currency}
                UNION ALL {refund}, 1 AS rank FROM rows r JOIN orders o ON {by_item}
                WHERE {same_currency} AND (r.order_id IS NULL OR o.order_id IS NULL))
            QUALIFY row_number() OVER
                (PARTITION BY id ORDER BY problem <> '', rank, t, request_id, item_id, order_id) = 1"""
    )
    db.execute("CREATE VIEW timely_refunds AS SELECT * EXCLUDE (problem, rank) FROM refunds WHERE problem = ''")
    db.execute("CREATE VIEW mistimed_refunds AS SELECT id, problem FROM refunds WHERE problem <> ''")
    db.execute(f"INSERT INTO matched_outcomes BY NAME {_first_of_copies('timely_refunds', _refund_copy_key())}")


def _first_of_copies(source: str, key: str) -> str:
    """Return SQL for the rows of `source` without copies: of each key the earliest.

    Hashes tell the few rows that may have copies, for only those are worth ordering.
    """
    order = "outcome_t, revenue DESC, grade DESC, id"
    copied_keys = f"SELECT h FROM (SELECT hash({key}) AS h FROM {source}) GROUP BY h HAVING count(*) > 1"
    return f"""WITH repeated AS MATERIALIZED ({copied_keys})
        SELECT * FROM {source} WHERE hash({key}) NOT IN (FROM repeated)
        UNION ALL (SELECT * FROM {source} WHERE hash({key}) IN (FROM repeated)
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1)"""


def _copy_key() -> str:
    """Return SQL for an outcome's key: an order's id, or without one its request."""
    is_order = "kind = 'order'"
    has_id = f"{is_order} AND order_id IS NOT NULL"
    return f"""kind, item_id, CASE WHEN NOT ({has_id}) THEN request_id::VARCHAR END,
        CASE WHEN {has_id} THEN order_id END, CASE WHEN {has_id} THEN user_hash END,
        CASE WHEN {is_order} THEN currency END"""


def _refund_copy_key() -> str:
    return "item_id, request_id, order_id, currency, revenue"


def count_reasons(db: duckdb.DuckDBPyConnection, condition: str) -> dict[str, int]:
    """Count outcome rows by the reason why they do not count, '' where they do."""
    query = f"SELECT reason, count(*) FROM outcome_reasons WHERE {condition} GROUP BY ALL ORDER BY ALL"
    return dict(db.execute(query).fetchall())


def count_unknown_kinds(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count outcome rows by kinds that are not known."""
    rows = db.execute(
        f"""SELECT coalesce(kind, 'none'), count(*) AS rows FROM outcome_rows WHERE problem = 'unknown kind'
            GROUP BY ALL ORDER BY rows DESC, 1 LIMIT {UNKNOWN_KINDS}"""
    )
    return dict(rows.fetchall())


def _skew(rows: str, rules: AttributionRules) -> str:
    """Return SQL for the clock skew that rows may have: none for dates."""
    return f"CASE WHEN {rows}.last_t > {rows}.t THEN 0 ELSE {_micros(rules.clock_skew)} END"


def _micros(span) -> int:
    return span // type(span)(microseconds=1)
