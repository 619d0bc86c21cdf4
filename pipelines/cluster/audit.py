"""Known vulnerabilities of every Python package that an image holds: `make audit`.

pip-audit ends well where it could not audit a package, so that an index without advisories passes for a clean bill.
Here it counts as a failure.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

import typer

REQUIREMENTS = "constraints.txt"
SHOWN_NAMES = 10
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class AuditReport:
    """What pip-audit found: packages with their vulnerabilities, and those it could not audit."""

    audited_count: int
    vulnerabilities: list[str]
    unaudited_packages: list[str]

    @property
    def is_clean(self) -> bool:
        """Return whether every package was audited and none is vulnerable."""
        return not self.vulnerabilities and not self.unaudited_packages

    def lines(self) -> list[str]:
        """Return the report as people read it."""
        total = self.audited_count + len(self.unaudited_packages)
        lines = [*self.vulnerabilities, f"{self.audited_count} of {total} packages audited"]
        lines.append(f"{len(self.vulnerabilities)} known vulnerabilities in them")
        if self.unaudited_packages:
            names = ", ".join(self.unaudited_packages[:SHOWN_NAMES])
            more = (
                f" and {len(self.unaudited_packages) - SHOWN_NAMES} more"
                if len(self.unaudited_packages) > SHOWN_NAMES
                else ""
            )
            lines.append(
                f"{len(self.unaudited_packages)} of {total} packages could not be audited: {names}{more}. This index "
                "has no advisories for them: run it where pypi.org is reachable, or with "
                "AUDIT='--vulnerability-service osv'"
            )
        return lines


def read_report(text: str) -> AuditReport:
    """Read pip-audit's JSON."""
    packages = json.loads(text)["dependencies"]
    unaudited_packages = [package["name"] for package in packages if "skip_reason" in package]
    vulnerabilities = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no version'}"
        for package in packages
        for vulnerability in package.get("vulns", [])
    ]
    return AuditReport(len(packages) - len(unaudited_packages), vulnerabilities, unaudited_packages)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def audit(context: typer.Context) -> None:
    """Audit all packages. Further options are pip-audit's."""
    options = ["--requirement", REQUIREMENTS, "--no-deps", "--disable-pip", "--desc", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *options, "--progress-spinner", "off", *context.args]
    result = subprocess.run(command, capture_output=True, text=True)
    try:
        report = read_report(result.stdout)
    except (ValueError, KeyError):
        typer.echo(f"pip-audit gave no report: {result.stderr.strip()[-500:]}", err=True)
        raise typer.Exit(1) from None
    for line in report.lines():
        typer.echo(line)
    if not report.is_clean:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
