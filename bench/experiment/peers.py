"""What the experiment's analysis is measured against: pandas, one DuckDB query, and tea-tasting's figures.

pandas makes the same sums; the query does the least of it: copies out, orders joined, revenue by user, the lift.
"""

import json
import os
from pathlib import Path

import numpy as np

from bench.experiment.logs import BEGAN, EXPERIMENT, PRE_DAYS
from components.experiment.assignment import draw

KEYS = ["request_id", "item_id"]
DIMENSIONS = ["cut", "query_class", "locale", "category"]
NAMES = [*KEYS, "time", "user_hash", "assigned_arm", "version", *DIMENSIONS[1:]]
SUMMED = dict.fromkeys(("shown", "revenue", "grade", "graded", "click", "order"), "sum")


def by_pandas(exposures: list[str], outcomes: list[str]) -> float:
    """The analysis in pandas: copies out, arms computed again, outcomes joined, sums by user, by slice and bucket."""
    import pandas as pd

    shown = pd.concat([pd.read_parquet(path, columns=NAMES) for path in exposures])
    shown[[*KEYS, "user_hash"]] = shown[[*KEYS, "user_hash"]].astype(object)
    shown = shown.sort_values("time").drop_duplicates(KEYS)
    shown["stage"] = (shown.time >= pd.Timestamp(BEGAN) + pd.Timedelta(days=PRE_DAYS)).astype(int)
    drawn = {user: draw(user, EXPERIMENT["salt"]) for user in shown.user_hash.unique()}
    treated = (shown.user_hash.map(drawn) < 0.5) & (shown.stage == 1)
    shown["agrees"] = (shown.assigned_arm == "treatment") == treated
    shown["crossed"] = (shown.version == "v2") != treated
    came = pd.concat([pd.read_parquet(path) for path in outcomes])
    came[KEYS] = came[KEYS].astype(object)
    came = came.sort_values("time").drop_duplicates([*KEYS, "kind"])
    flags = pd.get_dummies(came.kind)[["click", "order"]].astype(int).assign(graded=came.grade.notna().astype(int))
    came = (
        pd.concat([came[[*KEYS, "revenue", "grade"]], flags], axis=1).groupby(KEYS, observed=True).sum().reset_index()
    )
    joined = (
        shown.merge(came, on=KEYS, how="left").fillna({name: 0 for name in SUMMED if name != "shown"}).assign(shown=1)
    )
    keys = ["user_hash", "assigned_arm", "stage", "agrees", "crossed"]
    users = joined.groupby(keys, observed=True).agg(SUMMED).reset_index()
    joined["cut"], joined["bucket"] = joined.time.dt.floor("D"), pd.util.hash_array(joined.user_hash.to_numpy()) % 500
    measured = joined[joined.stage == 1]
    for name in DIMENSIONS:
        measured.groupby(["assigned_arm", "bucket", name], observed=True).agg(SUMMED)
    used = users[(users.stage == 1) & users.agrees].groupby("assigned_arm", observed=True)
    return lift({arm: each[["revenue", "shown"]].to_numpy(float) for arm, each in used})


def by_duckdb(exposures: list[str], outcomes: list[str]) -> float:
    """The relative lift of RPM, by one query."""
    import duckdb

    with duckdb.connect() as db:
        db.execute(f"SET threads = {len(os.sched_getaffinity(0))}")
        rows = db.execute(
            f"""WITH shown AS (SELECT * FROM read_parquet({exposures})
                    WHERE time >= '{BEGAN.isoformat()}'::TIMESTAMPTZ + INTERVAL {PRE_DAYS} DAY
                    QUALIFY row_number() OVER (PARTITION BY request_id, item_id ORDER BY time) = 1),
                orders AS (SELECT request_id, item_id, max(revenue) AS revenue FROM read_parquet({outcomes})
                    WHERE kind = 'order' GROUP BY ALL),
                users AS (SELECT assigned_arm, user_hash, sum(coalesce(revenue, 0)) AS n, count(*) AS d
                    FROM shown LEFT JOIN orders USING (request_id, item_id) GROUP BY ALL)
                SELECT assigned_arm, sum(n) / sum(d), var_samp(n), var_samp(d), covar_samp(n, d), count(*)
                FROM users GROUP BY ALL"""
        ).fetchall()
    ratios = {arm: ratio for arm, ratio, *_ in rows}
    return ratios["treatment"] / ratios["control"] - 1


def lift(arms: dict[str, np.ndarray]) -> float:
    """From users' revenue and exposures, (N, 2), by arm; its error is computed as well, as anyone would."""
    ratios = {arm: rows[:, 0].sum() / rows[:, 1].sum() for arm, rows in arms.items()}
    [np.var(rows[:, 0] - ratios[arm] * rows[:, 1]) / len(rows) for arm, rows in arms.items()]
    return ratios["treatment"] / ratios["control"] - 1


def oracle_difference(users: Path, cap: float) -> float:
    """Return the largest relative difference of lift and error from tea-tasting's, over RPM, RS and click-through."""
    import pandas as pd
    import tea_tasting as tt
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest

    from components.experiment.delta_method import delta_method_statistics
    from components.experiment.intervals import RATIOS
    from components.experiment.plan import ExperimentPlan
    from components.experiment.user_sums import open_user_sums

    table = pd.read_parquet(users).assign(variant=lambda rows: (rows.arm == "treatment").astype(int))
    for name in ("revenue", "pre_revenue"):
        table[name] = table[name].clip(lower=-cap, upper=cap)
    with open_user_sums(users.parent, ExperimentPlan().revenue_cap_quantile) as sums:
        statistics = sums.ratio_statistics(RATIOS)
    worst = 0.0
    for name in ("rpm", "rs", "click_through"):
        n = RATIOS[name].numerator
        d = RATIOS[name].denominator
        theirs = tt.Experiment(it=tt.RatioOfMeans(n, d, f"pre_{n}", f"pre_{d}")).analyze(table)["it"]
        arms = delta_method_statistics(statistics[name])
        ours = TwoSidedTTest(*arms, FrequentistConfig(difference_type="absolute")).compute_result()
        error = (theirs.effect_size_ci_upper - theirs.effect_size_ci_lower) / 2
        worst = max(worst, abs(ours.expected - theirs.effect_size) / error)
        worst = max(worst, abs((ours.ci[1] - ours.ci[0]) / 2 / error - 1))
    return round(worst, 5)


def link_files(files: str, folder: Path) -> Path:
    """Make a folder with links to these files (a JSON list) and return it."""
    folder.mkdir(parents=True)
    for path in json.loads(files):
        os.symlink(Path(path).resolve(), folder / Path(path).name)
    return folder
