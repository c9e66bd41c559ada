"""The command line. Nothing heavy is imported before a verb needs it, so that ``--help`` answers at once.

Exit status: 0 all as expected; 1 an expectation failed; 2 the input is wrong; 3 something outside failed; 4 a replay
differs from its record; 70 an error of our own; 130 interrupted. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

FAILED, DIFFERS, OURS, INTERRUPTED = 1, 4, 70, 130

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
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the run (for several: one folder each in it).")
@as_json
def run(names: tuple[str, ...], seed: int | None, out: Path | None, as_json: bool) -> int:
    """Run scenarios and judge them.

    SCENARIO is the name of a shipped one (see `scenarios list`), NAME/VARIANT, or a file. The run is kept in --out, or
    else in runs/NAME-SEED.
    """
    from chargebench.scenarios import verbs_run

    return verbs_run.run_all(names, seed, out, as_json=as_json)


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
    """Look at sites and scenarios before anything is sent: structure, addresses, ids, ports."""
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


def main() -> NoReturn:
    """Entry point of the ``chargebench`` command."""
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
    except Exception as error:  # noqa: BLE001  (whatever is left is our own error, and a person must be told how to repeat it)
        return _ours(error)
    return result if isinstance(result, int) else 0


def _ours(error: Exception) -> int:
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo("this is an error of chargebench itself; please report it with the lines above", err=True)
    return OURS


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
