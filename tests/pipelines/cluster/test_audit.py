"""An audit fails where a package is vulnerable, and where it could not be audited."""

import json

from pipelines.cluster.audit import read_report

SOUND = {"name": "httpx", "version": "0.28.1", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.13.0)"}


def read(*packages):
    return read_report(json.dumps({"dependencies": packages, "fixes": []}))


def test_a_clean_report_says_how_many():
    report = read(SOUND)
    assert report.is_clean and report.lines() == ["1 of 1 packages audited", "0 known vulnerabilities in them"]


def test_a_vulnerable_package_fails_the_audit():
    report = read(SOUND, WEAK)
    assert not report.is_clean and "old 1.0: PYSEC-2026-1, fixed in 1.1" in report.lines()


def test_an_unaudited_package_fails_the_audit():
    report = read(SOUND, UNKNOWN)
    assert not report.is_clean and report.lines()[0] == "1 of 2 packages audited"
    assert report.lines()[-1].startswith("1 of 2 packages could not be audited: torch. This index has no advisories")
