"""What can be done here, one session each; ``nox --list`` names them. Each does all its own set-up.

``lint``, ``types``, ``house`` and ``tests`` share one environment, ``.nox/dev``: the dependencies and the tools, and a ``.pth``
to ``.dev``, where links make the top-level folders importable as ``chargebench.*`` (an editable install would, too, but mypy
and import-linter do not see through it). ``demo``, ``bench`` and ``day`` run the installed wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "house", "tests"]

ROOT = Path(__file__).parent
ROOMS = ("datasheets", "emulator", "manager", "scenarios")
VERSIONS = ("3.11", "3.12", "3.13")
CONSTRAINTS = str(ROOT / "constraints.txt")
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
ENVS = ROOT / ".nox"
QUICK = str(ENVS / "quick" / "bin" / "python")
NIGHTLY, ORACLE = 20_000, 60  # examples of a night, and of the oracle in the tests
AS_IMPORTED = {"PIP_NO_COMPILE": "false"}  # pip compiles nothing (false is its yes here): most of it nobody imports
CACHED = {"PYTHONDONTWRITEBYTECODE": ""}  # what is imported once is compiled for all that follow
SERIAL = "pytest.mark.serial"
ALLOCATION = [f"tests/manager/test_allocator{part}.py" for part in ("", "_trees", "_oracle")]


def answers(path: str, version: str) -> bool:
    """Tell whether ``path`` starts and is that Python: a pyenv shim is on the PATH for versions that it will not start."""
    ask = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return told.returncode == 0 and told.stdout.strip() == version


def interpreter(version: str) -> str | None:
    """Find a Python of ``version``: the one that runs nox, the PATH, then pyenv's versions, the newest first."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    homes = [Path(home) for home in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv") if home]
    built = [path for home in homes for path in home.glob(f"versions/{version}.*/bin/python{version}")]
    newest = sorted(built, key=lambda path: [int(part) for part in path.parts[-3].split(".") if part.isdigit()])
    found = [shutil.which(f"python{version}"), *(str(path) for path in reversed(newest))]
    return next((path for path in found if path and answers(path, version)), None)


FOUND = {version: path for version in VERSIONS if (path := interpreter(version))}
MISSING = [version for version in VERSIONS if version not in FOUND]
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN = RUNNING if RUNNING in VERSIONS else next(iter(FOUND), VERSIONS[0])
OTHERS = [version for version in FOUND if version != OWN]


def link_rooms(session: nox.Session) -> None:
    """Make the four rooms importable as ``chargebench.*`` in the session's environment, in place."""
    dev = ROOT / ".dev"
    names = dev / "chargebench"
    names.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        link = names / room
        if not link.is_symlink():
            link.symlink_to(Path("..", "..", room), target_is_directory=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = session.run("python", "-c", where, silent=True, log=False)
    Path(str(site).strip(), "chargebench-dev.pth").write_text(f"{dev}\n", encoding="utf-8")


def install(session: nox.Session, *what: str, **env: str) -> None:
    """Install in the exact versions of ``constraints.txt``, the tools that build a wheel included."""
    env |= {"PIP_CONSTRAINT": CONSTRAINTS, "PIP_BUILD_CONSTRAINT": CONSTRAINTS, "UV_BUILD_CONSTRAINT": CONSTRAINTS}
    session.install("-q", "-c", CONSTRAINTS, *what, env=env)


def install_wheel(session: nox.Session) -> None:
    """Build the wheel and install it as a stranger would, without what an earlier build has left behind."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    again = ["--reinstall-package", "chargebench"] if session.venv_backend == "uv" else []
    install(session, *again, ".")


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True)
def dev(session: nox.Session) -> None:
    """Make the shared environment of the tools, ``.nox/dev``: good for an editor, too."""
    install(session, *PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"], **AS_IMPORTED)
    link_rooms(session)


def in_dev(session: nox.Session, program: str, *given: str, good: tuple[int, ...] = (0,), **env: str) -> None:
    """Run a program of the shared environment."""
    session.run(str(ENVS / "dev" / "bin" / program), *given, external=True, env=CACHED | env, success_codes=good)


@nox.session(venv_backend="none", requires=["dev"])
def lint(session: nox.Session) -> None:
    """Check style and format with ruff."""
    in_dev(session, "ruff", "check")
    in_dev(session, "ruff", "format", "--check")


@nox.session(venv_backend="none", requires=["dev"])
def types(session: nox.Session) -> None:
    """Check types with mypy: strict in the four rooms, untyped functions allowed in tests."""
    packages = [argument for room in ROOMS for argument in ("-p", f"chargebench.{room}")]
    in_dev(session, "mypy", "--num-workers", "2", "--strict", *packages)
    in_dev(session, "mypy", "--num-workers", "2", "noxfile.py", "tests")


@nox.session(venv_backend="none", requires=["dev"])
def house(session: nox.Session) -> None:
    """Check who may import whom."""
    in_dev(session, "lint-imports", "--no-logo")


def runtime(version: str) -> str:
    """Add a session that makes an environment of another Python, with the bench's own dependencies and nothing else."""
    name = f"python-{version.replace('.', '-')}"

    @nox.session(name=name, python=FOUND[version], reuse_venv=True)
    def make(session: nox.Session) -> None:
        """Make an environment in which tests replay a run on another Python."""
        install(session, *PROJECT["dependencies"], **AS_IMPORTED)
        link_rooms(session)

    return name


RUNTIMES = {version: runtime(version) for version in OTHERS}


def serial_files() -> list[str]:
    """The files that write out the marker of tests that need real time: no others need to be collected for them."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    return [str(path.relative_to(ROOT)) for path in files if SERIAL in path.read_text(encoding="utf-8")]


@nox.session(venv_backend="none", requires=["dev", *RUNTIMES.values()])
def tests(session: nox.Session) -> None:
    """Run the tests: in parallel and random order, then those that need real time, which wait most of it, two side by side."""
    if MISSING and os.environ.get("CI") == "true":
        session.error(f"no Python {', '.join(MISSING)} here: pyenv install {' '.join(MISSING)}")
    names = {OWN: "dev"} | RUNTIMES
    pythons = ",".join(f"{version}={ENVS / name / 'bin' / 'python'}" for version, name in names.items())
    good = (0, 5) if session.posargs else (0,)  # 5: a path of your choice may hold tests of one group only
    parallel = ["-n", "auto", "--dist", "worksteal", "-m", "not serial"]
    waiting = ["-n", "2", "--dist", "worksteal", "-m", "serial"]
    in_dev(session, "pytest", *parallel, *session.posargs, good=good, CHARGEBENCH_PYTHONS=pythons)
    in_dev(session, "pytest", *waiting, *(session.posargs or serial_files()), good=good, CHARGEBENCH_PYTHONS=pythons)


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True)
def demo(session: nox.Session) -> None:
    """Watch a night at a house: the breaker goes without load management, nothing trips with it, a replay is the same."""
    install_wheel(session)
    run = str(Path(session.create_tmp()) / "house-14kw")
    shutil.rmtree(run, ignore_errors=True)
    session.run("chargebench", "run", "without-load-management")
    session.run("chargebench", "run", "house-14kw", "--out", run)
    session.run("chargebench", "replay", run)


@nox.session(venv_backend="none", requires=["dev"])
def nightly(session: nox.Session) -> None:
    """Draw 20,000 examples of each law of the allocation, and hold as many against the oracle: a quarter of an hour.

    ``-- --hypothesis-seed=N`` draws the same ones again.
    """
    given = ["-n", "auto", "-o", "faulthandler_timeout=0", "--hypothesis-profile=nightly", *session.posargs]
    in_dev(session, "pytest", *given, *ALLOCATION, CHARGEBENCH_EXAMPLES=str(-(-NIGHTLY // ORACLE)))


@nox.session(venv_backend="none", requires=["dev"])
def month(session: nox.Session) -> None:
    """Have 25 boxes live through a month at tier register, in which things break every day: most of an hour.

    ``-- DAYS SEED`` takes another time, and draws another month.
    """
    in_dev(session, "python", "-m", "tests.laws.month", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def pictures(session: nox.Session) -> None:
    """Draw the picture of the first screen anew, from the runs that it shows."""
    in_dev(session, "python", "-m", "docs.pictures.house_14kw")


@nox.session(venv_backend="none", requires=["dev"])
def policies(session: nox.Session) -> None:
    """Run 200 random nights (or ``-- NIGHTS``) under every policy, and write the page that compares them: some minutes."""
    in_dev(session, "python", "-m", "tests.bench.policies", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def served(session: nox.Session) -> None:
    """Serve 25 mixed boxes and 10 meters on real ports for 10 minutes (or ``-- SECONDS``): none may miss an answer.

    Each device on the network has a master of its own, each serial line has one.
    """
    in_dev(session, "python", "-m", "tests.bench.served", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def pages(session: nox.Session) -> None:
    """Make the pages of the devices anew, from their datasheets."""
    in_dev(session, "python", "-m", "docs.pages")


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True)
def quick(session: nox.Session) -> None:
    """Make the environment of the compiled build, ``.nox/quick``, for ``compiled`` and ``bench``: two minutes."""
    install(session, "mypy", "setuptools", "types-pyserial", *PROJECT["dependencies"])
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    again = ["--reinstall-package", "chargebench"] if session.venv_backend == "uv" else ["--force-reinstall"]
    session.install("-q", "--no-build-isolation", "--no-deps", *again, ".", env={"CHARGEBENCH_COMPILE": "1"})


@nox.session(venv_backend="none", requires=["dev", "quick"])
def compiled(session: nox.Session) -> None:
    """Show that with its hot path compiled by mypyc every shipped scenario comes out the same, to the byte: some minutes."""
    session.run(QUICK, "-m", "tests.bench", "hashes", str(ENVS / "dev" / "bin" / "python"), external=True)


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True, requires=["quick"])
def bench(session: nox.Session) -> None:
    """Measure how quick the bench is, on the installed wheel, and assert nothing: one table, medians of five.

    ``nox -s bench -- shares`` tells where the time goes.
    """
    install_wheel(session)
    session.run("python", "-m", "tests.bench", *session.posargs, env={"CHARGEBENCH_COMPILED": QUICK})


@nox.session(name="bench-proxy", python=FOUND.get(OWN, OWN), reuse_venv=True)
def bench_proxy(session: nox.Session) -> None:
    """Measure how busy ``chargebench proxy`` keeps a line, and how it bears many clients; six minutes, medians of five."""
    install_wheel(session)
    session.install("modbus-proxy==0.8.0")
    session.run("python", "-m", "tests.bench.proxies", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def million(session: nox.Session) -> None:
    """Ask a million times through a whole proxy on simulated wires, before units that fail at random: six minutes.

    Fails if one answer is given to another request. ``-- REQUESTS SEED`` asks as often as you like, and draws others.
    """
    in_dev(session, "python", "-m", "tests.proxy.million", *session.posargs)


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True)
def memory(session: nox.Session) -> None:
    """Run a simulated day of 25 slaves that get commands every minute, and print what the process holds, hour by hour."""
    install_wheel(session)
    session.run("python", "-m", "tests.bench", "memory", *session.posargs)


@nox.session(python=FOUND.get(OWN, OWN), reuse_venv=True)
def day(session: nox.Session) -> None:
    """Run the whole day of cars at a workplace, of which the tests run two hours, and replay it: some minutes."""
    install_wheel(session)
    run = str(Path(session.create_tmp()) / "workplace-day")
    shutil.rmtree(run, ignore_errors=True)
    session.run("chargebench", "run", "workplace-day", "--out", run)
    session.run("chargebench", "replay", run)
