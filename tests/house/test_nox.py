"""nox finds interpreters where they are, and is not taken in by pyenv's shims."""

from __future__ import annotations

from pathlib import Path

import pytest

import noxfile


def fake_python(path: Path, version: str) -> str:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho {version}\n" if version else "#!/bin/sh\nexit 127\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Python but the one that runs nox."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_interpreter_on_the_path_is_found(machine: Path):
    path = fake_python(machine / "bin" / "python3.99", "3.99")
    assert noxfile.interpreter("3.99") == path


@pytest.mark.parametrize("root", ["pyenv", "home/.pyenv"])
def test_newest_interpreter_of_pyenv_is_found_behind_a_shim_that_does_not_start(machine: Path, root: str):
    fake_python(machine / "bin" / "python3.99", "")
    fake_python(machine / root / "versions" / "3.99.9" / "bin" / "python3.99", "3.99")
    newest = fake_python(machine / root / "versions" / "3.99.10" / "bin" / "python3.99", "3.99")
    fake_python(machine / root / "versions" / "3.9.1" / "bin" / "python3.9", "3.9")
    assert noxfile.interpreter("3.99") == newest


def test_the_marker_of_tests_that_need_real_time_is_written_out_in_their_own_file():
    """A marker that comes from a helper would leave its tests out of the second group, as they are out of the first."""
    files = noxfile.serial_files()
    assert "tests/edges/test_manage.py" in files
    assert [name for name in files if not Path(name).name.startswith("test_")] == []


def test_interpreter_that_lies_is_not_taken(machine: Path):
    fake_python(machine / "bin" / "python3.99", "3.98")
    assert noxfile.interpreter("3.99") is None


def test_versions_are_those_that_the_project_promises():
    classifiers = noxfile.PROJECT["classifiers"]
    promised = [one.rsplit(" ", 1)[1] for one in classifiers if one.startswith("Programming Language :: Python :: ")]
    assert list(noxfile.VERSIONS) == promised
    assert noxfile.PROJECT["requires-python"] == ">=3.11,<3.14"
