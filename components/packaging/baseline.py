"""The baseline as a package: fetched from the registry, or trained as last night's student on a first run."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, package_manifest, storage
from components.step_result import StepResult
from components.student.config import LrkdConfig


def make_baseline(version: str, training_set: str | Path, config: LrkdConfig, folder: str | Path) -> StepResult:
    """Write the package that the candidate is compared with.

    Where no version serves yet, a plain student is trained for it, without any rationale.

    Raises:
        ValueError: the registered package was changed.
        FileNotFoundError: the registry does not hold the version.
    """
    if version:
        storage.get_folder(f"packages/{version}", folder)
        package_manifest.verify(folder)
        return StepResult(1, 1, headline=f"{version} serves", details={"version": version})
    from components.packaging.package import make_package  # torch: only where there is something to train
    from components.student.train import train

    with TemporaryDirectory() as work:
        model = Path(work) / "student"
        embeddings = Path(work) / "embeddings.parquet"
        contracts.write([], contracts.RATIONALE_EMBEDDINGS, embeddings)
        training = train(training_set, embeddings, config, model)
        package = make_package(model, embeddings, training_set, folder)
    headline = f"first run: {training.rows_out} pairs, of {config.train_share:.0%} of the train queries"
    return replace(package, headline=headline, details={**package.details, "trained": training.to_dict()})
