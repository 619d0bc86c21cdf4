"""The serving baseline as a package: fetched from the registry, or built as last night's student on a first run."""

from pathlib import Path
from tempfile import TemporaryDirectory

from components import package_manifest, storage
from components.packaging.package import package
from components.student.config import LrkdConfig
from components.student.train import train


def baseline(
    version: str, training_set: str | Path, embeddings: str | Path, config: LrkdConfig, folder: str | Path
) -> dict:
    """Write the package that the candidate is compared with; an empty version means that nothing serves yet.

    Raises:
        ValueError: the registered package was changed.
        FileNotFoundError: the registry does not hold the version.
    """
    if version:
        storage.get_folder(f"packages/{version}", folder)
        package_manifest.verify(folder)
        return {"rows_in": 1, "rows_out": 1, "set_aside": 0, "version": version, "figure": f"{version} serves"}
    with TemporaryDirectory() as model:
        train_result = train(training_set, embeddings, config, model)
        said = package(model, embeddings, training_set, folder)
    figure = f"first run: {train_result.rows_out} pairs, of {config.train_share:.0%} of the train queries"
    return said | {"trained": train_result.to_dict(), "figure": figure}
