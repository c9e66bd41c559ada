"""The command line. Nothing heavy is imported before a verb needs it, so that ``--help`` answers at once.

Exit status: 0 all as expected; 1 an expectation failed or a check found a danger; 2 the input is wrong; 3 something outside
failed; 4 a replay differs from its record; 70 an error of our own; 130 interrupted. Results go to stdout, everything else to
stderr.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import click

from chargebench.manager.site import POLICIES, Policy

FAILED, OUTSIDE, DIFFERS, OURS, INTERRUPTED = 1, 3, 4, 70, 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # no simulated wire fails like this: it is stdout

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib import metadata

        try:
            click.echo(metadata.version("chargebench"))
        except metadata.PackageNotFoundError:
            click.echo("in place, not installed")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def chargebench() -> None:
    """A bench for load managers: the real manager, on simulated wires, in simulated time."""


@chargebench.command()
@click.argument("names", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Run with this seed instead of the scenario's own.")
@click.option("--policy", type=click.Choice(POLICIES), help="Share by these rules, whatever the site says.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the run (for several: one folder each in it).")
@as_json
def run(names: tuple[str, ...], seed: int | None, policy: Policy | None, out: Path | None, as_json: bool) -> int:
    """Run scenarios and judge them.

    SCENARIO is the name of a shipped one (see `scenarios list`), NAME/VARIANT, or a file. The run is kept in --out, or
    else in runs/NAME-SEED (runs/NAME-SEED-POLICY with --policy).
    """
    from chargebench.scenarios import verbs_run

    return verbs_run.run_all(names, seed, policy, out, as_json=as_json)


@chargebench.command()
@click.argument("folder", type=click.Path(path_type=Path))
@as_json
def replay(folder: Path, as_json: bool) -> int:
    """Run the run in FOLDER again and compare the two, to the byte."""
    from chargebench.scenarios import verbs_run

    return verbs_run.replay(folder, as_json=as_json)


@chargebench.command()
@click.argument("targets", nargs=-1, required=True, metavar="FILE...")
@as_json
def check(targets: tuple[str, ...], as_json: bool) -> int:
    """Prove sites and scenarios before anything is sent.

    Structure, ids and ports (an error: exit 2, and nothing runs); what flows with a dead master, after a blackout and until
    the manager has reacted (a danger: exit 1); poll rounds, licences and what else is worth knowing (notes).
    """
    from chargebench.scenarios import verbs

    return verbs.check(targets, as_json=as_json)


@chargebench.group()
def scenarios() -> None:
    """The shipped scenarios."""


@scenarios.command("list")
@as_json
def list_scenarios(as_json: bool) -> int:
    """List them, with their titles."""
    from chargebench.scenarios import verbs

    return verbs.list_scenarios(as_json=as_json)


@scenarios.command("show")
@click.argument("name")
@as_json
def show_scenario(name: str, as_json: bool) -> int:
    """Print the file of one."""
    from chargebench.scenarios import verbs

    return verbs.show_scenario(name, as_json=as_json)


@scenarios.command("copy")
@click.argument("name")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@as_json
def copy_scenario(name: str, target: Path | None, as_json: bool) -> int:
    """Copy one to TARGET (here, if left out), to change it. Nothing is overwritten."""
    from chargebench.scenarios import verbs

    return verbs.copy_scenario(name, target, as_json=as_json)


@chargebench.group()
def devices() -> None:
    """The devices that there are datasheets of."""


@devices.command("list")
@as_json
def list_devices(as_json: bool) -> int:
    """List them."""
    from chargebench.scenarios import verbs

    return verbs.list_devices(as_json=as_json)


@devices.command("show")
@click.argument("name")
@as_json
def show_device(name: str, as_json: bool) -> int:
    """Print the registers of one."""
    from chargebench.scenarios import verbs

    return verbs.show_device(name, as_json=as_json)


@chargebench.group()
def cars() -> None:
    """The cars that a scenario may call by name."""


@cars.command("list")
@as_json
def list_cars(as_json: bool) -> int:
    """List them, with phases and greatest power of their on-board charger and their usable battery."""
    from chargebench.scenarios import verbs

    return verbs.list_cars(as_json=as_json)


def main() -> NoReturn:
    """Entry point of the ``chargebench`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter shows its number
    sys.exit(status(lambda: chargebench.main(standalone_mode=False)))


def status(verb: Callable[[], object]) -> int:
    """Exit status of a verb; what a person must know of its failure goes to stderr."""
    from chargebench.datasheets.errors import Complaint

    try:
        result = verb()
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Complaint as error:
        click.echo(str(error), err=True)
        return error.status
    except (SystemExit, OSError) as error:
        return _outside(error)
    except Exception as error:  # noqa: BLE001  (whatever is left is our own error, and a person must be told how to repeat it)
        return _ours(error)
    return result if isinstance(result, int) else 0


def _outside(error: SystemExit | OSError) -> int:
    """Stdout takes no more: it is full, or (click leaves like this, and only like this) nobody reads it, which needs no words."""
    if isinstance(error, OSError) and error.errno not in _FULL:
        return _ours(error)
    with suppress(OSError, ValueError):  # what is still buffered goes nowhere, or leaving would fail once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, OSError):
        click.echo(f"stdout: cannot be written: {error.strerror}", err=True)
    return OUTSIDE


def _ours(error: Exception) -> int:
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo("this is an error of chargebench itself; please report it with the lines above", err=True)
    return OURS


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
