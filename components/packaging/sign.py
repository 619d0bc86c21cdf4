"""The command that signs packages: `python -m components.packaging.sign VERSION`, or a folder.

A version is fetched from S3 and verified, and gets its signature there.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from minio.error import S3Error

from components import package_manifest, storage
from components.package_signature import sign_package
from components.settings import Settings


def sign_version(version: str, key_file: str) -> None:
    """Sign a registered package on S3.

    Raises:
        FileNotFoundError: no such version is registered.
        ValueError: what is there is not that version, or the key is no elliptic private key.
    """
    with TemporaryDirectory() as work:
        folder = Path(work) / version
        storage.get_folder(f"packages/{version}", folder)
        if package_manifest.version(folder) != version:
            raise ValueError(f"packages/{version} holds {package_manifest.version(folder)}: register it again")
        sign_package(folder, key_file)
        signature = (folder / package_manifest.SIGNATURE).read_bytes()
        storage.put_bytes(f"packages/{version}/{package_manifest.SIGNATURE}", signature)


def main(arguments: list[str]) -> int:
    """Sign every package that is named, and print each."""
    parser = argparse.ArgumentParser(prog="python -m components.packaging.sign", description=__doc__)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="a version on S3, or a folder")
    parser.add_argument(
        "--key", default=Settings().signing_key_file, help="private key, PEM (default BROADFAST_SIGNING_KEY_FILE)"
    )
    args = parser.parse_args(arguments)
    if not args.key:
        parser.error("no key: give --key, or set BROADFAST_SIGNING_KEY_FILE")
    try:
        for package in args.packages:
            if Path(package).is_dir():
                sign_package(package, args.key)
            else:
                sign_version(package, args.key)
            print(f"{package}: signed")
    except (ValueError, OSError, S3Error) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
