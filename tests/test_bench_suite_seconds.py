"""The seconds of a suite by group, from a file that pytest writes."""

from bench.suite_seconds import describe_suite

JUNIT = """<testsuites><testsuite tests="3" failures="0" errors="0" skipped="1" time="90.0">
<testcase classname="tests.components.student.test_train" name="a" time="4.0"/>
<testcase classname="tests.components.test_storage" name="b" time="2.5"/>
<testcase classname="" name="tests.components.scoring.test_skipped_whole" time="0.0"/>
<testcase classname="tests.test_loop" name="c" time="100.0"/></testsuite></testsuites>"""


def test_seconds_are_those_of_folders(tmp_path):
    (tmp_path / "junit.xml").write_text(JUNIT)
    assert describe_suite(tmp_path / "junit.xml", 2) == {
        "tests": 3,
        "failures": 0,
        "errors": 0,
        "skipped": 1,
        "workers": 2,
        "suite_minutes": 1.5,
        "worker_seconds": 106,
        "test_loop_seconds": 100,
        "components_student_seconds": 4,
        "components_seconds": 2,
        "components_scoring_seconds": 0,
    }
