"""The command that analyses anybody's logs: other names, other types, planted faults, and clear words for bad input."""

import json
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.experiment.analyse import main
from components.experiment.assignment import arm

BEGAN = datetime(2026, 3, 2)
RENAMED = "exposures.user_hash=uid,exposures.item_id=sku,outcomes.item_id=sku,outcomes.kind=event"


def logs(folder, users=3000, better=1.3, salt="s", share=0.5):
    """Foreign logs: text ids, times without a zone, users named uid; treatment orders more often."""
    rng = np.random.default_rng(5)
    exposures = []
    outcomes = []
    for number in range(users):
        uid = f"user {number}"
        side = arm(uid.encode(), salt, share)
        time = BEGAN + timedelta(seconds=int(rng.integers(86_400)))
        exposures += [
            {"time": time, "request_id": f"r{number}", "sku": f"i{n}", "uid": uid, "assigned_arm": side} for n in (1, 2)
        ]
        if rng.random() < 0.3 * (better if side == "treatment" else 1):
            event = {
                "request_id": f"r{number}",
                "sku": "i1",
                "event": "order",
                "revenue": float(rng.integers(900, 1100)),
            }
            outcomes.append({"time": time + timedelta(minutes=1)} | event)
    for name, rows in (("exposures", exposures), ("outcomes", outcomes)):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "part.parquet")
    return [f"--exposures={folder / 'exposures'}", f"--outcomes={folder / 'outcomes'}", f"--columns={RENAMED}"]


def analyse(tmp_path, *options, **changes):
    assert main([*logs(tmp_path, **changes), f"--out={tmp_path / 'out'}", *options]) == 0
    return json.loads((tmp_path / "out" / "analysis.json").read_text())


def plan(tmp_path, **values):
    tmp_path.mkdir(parents=True, exist_ok=True)
    path = tmp_path / "plan.json"
    path.write_text(
        json.dumps({"minimum_users": 100, "dwell_seconds": 0, "horizon_users": 3000, "shares": [0.5]} | values)
    )
    return f"--plan={path}"


def test_a_better_treatment_is_promoted(tmp_path):
    look = analyse(tmp_path, plan(tmp_path))
    assert look["verdict"] == "promote" and look["figures"]["rpm_lift"]["estimate"] == pytest.approx(0.3, abs=0.1)
    assert look["exposures"] == look["used"] == 6000
    assert "data:image/svg+xml" in (tmp_path / "out" / "report.html").read_text()


def test_with_a_salt_arms_are_computed_again(tmp_path):
    assert analyse(tmp_path / "right", plan(tmp_path), "--salt=s")["disagreements"] == 0
    wrong = analyse(tmp_path / "wrong", plan(tmp_path), "--salt=t")
    assert wrong["disagreements"] > 2000 and wrong["verdict"] == "inconclusive"


def test_arms_of_other_names_are_mapped(tmp_path, capsys):
    arguments = logs(tmp_path)
    table = pq.read_table(tmp_path / "exposures" / "part.parquet").to_pylist()
    rows = [row | {"assigned_arm": {"control": "A", "treatment": "B"}[row["assigned_arm"]]} for row in table]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "exposures" / "part.parquet")
    assert main(arguments) == 1 and "assigned_arm holds A, B; say which" in capsys.readouterr().err
    assert main([*arguments[:2], f"{arguments[2]},exposures.control=A,exposures.treatment=B", plan(tmp_path)]) == 0
    assert '"promote"' in capsys.readouterr().out


def rewrite_exposures(tmp_path, **changes):
    path = tmp_path / "exposures" / "part.parquet"
    rows = [row | changes for row in pq.read_table(path).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_an_unknown_experiment_is_named_with_the_others(tmp_path, capsys):
    arguments = [*logs(tmp_path, users=20), "--experiment=nosuch"]
    problem = "40 of 40 exposures are set aside, for they are not of --experiment nosuch"
    assert main(arguments) == 1 and f"{problem}: they name none, so leave it out\n" in capsys.readouterr().err
    rewrite_exposures(tmp_path, experiment_id="exp1")
    assert main(arguments) == 1 and f"{problem}: the logs hold exp1 (40)\n" in capsys.readouterr().err


def test_empty_arms_are_named(tmp_path, capsys):
    arguments = logs(tmp_path, users=20)
    rewrite_exposures(tmp_path, assigned_arm=None)
    assert main(arguments) == 1
    assert "40 of 40 exposures are set aside, for assigned_arm is empty: name the column" in capsys.readouterr().err


def test_a_folder_without_rows_is_named(tmp_path, capsys):
    arguments = logs(tmp_path, users=20)
    path = tmp_path / "exposures" / "part.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert main(arguments) == 1 and "holds no exposure row: give the folder" in capsys.readouterr().err


def test_a_currency_without_a_code_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*logs(tmp_path, users=20), "--currency=euro"])
    assert "error: --currency is 'euro'; give a currency's code of ISO 4217, as EUR\n" in capsys.readouterr().err


def test_a_metric_has_one_line_and_a_reason(tmp_path, capsys):
    assert main(logs(tmp_path, users=20)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[-4:]] == ["RPM", "rs", "click_through", "conversion"]
    assert lines[-3] == "rs: no interval: both arms need graded items, and differing grades"


def test_arms_of_another_share_are_a_mismatch(tmp_path):
    look = analyse(tmp_path, plan(tmp_path), share=0.4)
    assert look["verdict"] == "inconclusive" and "sample ratio mismatch" in look["reason"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: [a[0], a[1]], "have no column 'item_id'"),
        (lambda a: [*a[:2], "--columns=exposures.user=uid"], "'exposures.user=uid' is not TABLE.COLUMN=NAME"),
        (lambda a: ["--exposures=/nowhere", *a[1:]], "no Parquet file of exposures can be read there"),
        (lambda a: [*a, "--start=2026-03-02T00:00:00"], "--start: '2026-03-02T00:00:00' names no time zone"),
        (lambda a: [*a, "--end=yesterday"], "--end: 'yesterday' is no ISO 8601 time: give one with its zone, as 2026-"),
        (lambda a: [*a, "--end=2020-01-01T00:00:00Z"], "40 of 40 exposures are set aside (after this look 40): check"),
    ],
)
def test_unreadable_input_is_refused_in_one_sentence(tmp_path, capsys, change, sentence):
    assert main(change(logs(tmp_path, users=20))) == 1
    assert sentence in capsys.readouterr().err
