"""The public names; and the wheel carries the catalogue, and finds it outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import eqgen
from eqgen.permutations import catalogue

ROOT = Path(__file__).resolve().parent.parent


def test_every_public_name_is_listed_and_leads_to_what_it_names():
    names = {}
    exec("from eqgen import *", names)
    del names["__builtins__"]
    assert sorted(names) == dir(eqgen) == eqgen.__all__
    assert len(names) == 54
    assert names.pop("testing") is eqgen.testing
    for name, thing in names.items():
        assert thing is getattr(eqgen, name)
        assert thing.__name__ == name
        assert thing.__module__.startswith("eqgen")
    # What Keras looks up in saved files is public, layer by layer.
    assert {name for name in vars(eqgen.layers) if name[0].isupper()} <= set(names)


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError):
        eqgen.nothing  # noqa: B018


def test_eqgen_alone_imports_next_to_nothing():
    code = "import sys, eqgen\nassert not {'numpy', 'keras', 'tensorflow'} & set(sys.modules)\nassert 'verify' in dir(eqgen)\n"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment with the wheel in it; its dependencies are lent by the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("eqgen-*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)], check=True, capture_output=True
    )
    (site_packages,) = (environment / "lib").glob("python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return environment, folder


@pytest.mark.slow
def test_the_installed_command_lists_the_catalogue(installed):
    environment, elsewhere = installed
    done = subprocess.run(
        [environment / "bin" / "eqgen", "catalogue"], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()[1:-2]] == list(catalogue.names())


@pytest.mark.slow
def test_the_installed_package_is_the_one_from_the_wheel(installed):
    environment, elsewhere = installed
    code = "import eqgen.permutations.catalogue as c; print(c.__file__); print(c.folder())"
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert all(Path(line).is_relative_to(environment) for line in done.stdout.split())


@pytest.mark.slow
def test_pytest_finds_the_fixture_of_the_installed_package(installed):
    environment, elsewhere = installed
    listed = [environment / "bin" / "python", "-m", "pytest", "--fixtures", "-p", "no:cacheprovider", str(elsewhere)]
    done = subprocess.run(listed, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert "assert_equivariant [session scope]" in done.stdout
    assert "`eqgen.testing.assert_equivariant`." in done.stdout
