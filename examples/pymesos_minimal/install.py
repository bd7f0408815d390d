"""PyMesos in an environment of its own, `.venv/pymesos`: it is made once, and takes about 30 seconds.

python -m examples.pymesos_minimal.install      prints the path of its interpreter

PyMesos is as its authors have published it. http-parser, which it needs, is no longer kept up: the C that comes with it
does not compile with Python 3.11, and its setup script wants a module that Python 3.12 has not. Here it is built from
the same sources, with that C made anew by today's Cython. Without a compiler it is what it is for PyPy: a parser in
Python, which PyMesos knows how to use.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

__all__ = ["InstallError", "interpreter"]

ROOT = Path(__file__).resolve().parents[2]
PYMESOS = "pymesos==0.3.15"
HTTP_PARSER = "0.9.0"
TIMEOUT = 600.0
"""Seconds for one command of pip's."""

PROJECT = """
[build-system]
requires = ["setuptools>=68", "cython>=3,<4"]
build-backend = "setuptools.build_meta"
"""
SETUP = f"""
from setuptools import Extension, setup

sources = ["http_parser/parser.pyx", "http_parser/http_parser.c"]
setup(
    name="http-parser",
    version="{HTTP_PARSER}",
    packages=["http_parser"],
    ext_modules=[Extension("http_parser.parser", sources, optional=True)],
)
"""
IMP = """
import importlib.util


def load_source(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""
"""What http-parser's setup script uses of a module that Python has no longer."""


class InstallError(Exception):
    """pip could not install it; the text is what it said."""


def interpreter() -> Path:
    """The Python that has PyMesos, installed if need be. InstallError says why it cannot be.

    Another process that wants the same waits for this one.
    """
    place = ROOT / ".venv" / "pymesos"
    place.parent.mkdir(exist_ok=True)
    with (place.parent / "pymesos.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, python = place / "complete", place / "bin" / "python"
        made_by = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode()).hexdigest()
        if not stamp.exists() or stamp.read_text() != made_by:
            venv.create(place, clear=True, with_pip=True)
            _install(python)
            stamp.write_text(made_by)
    return python


def _install(python: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pymesos-") as name:
        directory = Path(name)
        (directory / "imp").mkdir()
        if sys.version_info >= (3, 12):
            (directory / "imp" / "imp.py").write_text(IMP)
        _pip(python, directory, "install", "setuptools>=68", "wheel")
        _pip(
            python,
            directory,
            "download",
            f"--dest={directory}",
            "--no-deps",
            "--no-build-isolation",
            "--no-binary=http-parser",
            f"http-parser=={HTTP_PARSER}",
        )
        archive = directory / f"http-parser-{HTTP_PARSER}.tar.gz"
        # Debian's Python 3.11 is older than the filter.
        if hasattr(tarfile, "data_filter"):
            shutil.unpack_archive(archive, directory, filter="data")
        else:
            shutil.unpack_archive(archive, directory)
        source = directory / f"http-parser-{HTTP_PARSER}"
        (source / "pyproject.toml").write_text(PROJECT)
        (source / "setup.py").write_text(SETUP)
        for compiled in [source / "http_parser" / "parser.c", *(source / "http_parser").glob("*.so")]:
            compiled.unlink()
        _pip(python, directory, "install", str(source))
        _pip(python, directory, "install", PYMESOS)


def _pip(python: Path, directory: Path, command: str, *arguments: str) -> None:
    line = [str(python), "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(directory / "imp")}
    try:
        done = subprocess.run(
            line,
            env=environment,
            cwd=directory,
            timeout=TIMEOUT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"pip {command} {arguments[-1]} took more than {TIMEOUT:.0f} s") from error
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip()
        raise InstallError(f"pip {command} {arguments[-1]} ended with status {done.returncode}:\n{said}")


if __name__ == "__main__":
    print(interpreter())
