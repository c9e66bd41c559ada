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
from chargebench.scenarios.cli_options import as_json
from chargebench.scenarios.cli_tell import tell
from chargebench.scenarios.tiers import TIERS, Tier

FAILED, OUTSIDE, DIFFERS, OURS, INTERRUPTED = 1, 3, 4, 70, 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # no simulated wire fails like this: it is stdout


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
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    default="wire",
    show_default=True,
    help="At register, bytes are made only where something can happen to them; the commands are the same.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the run (for several: one folder each in it).")
@click.option("--pcap", metavar="FILE", type=click.Path(path_type=Path), help="Capture every bus there, for Wireshark.")
@as_json
def run(  # noqa: PLR0913, PLR0917  (one argument for each option)
    names: tuple[str, ...],
    seed: int | None,
    policy: Policy | None,
    tier: Tier,
    out: Path | None,
    pcap: Path | None,
    as_json: bool,
) -> int:
    """Run scenarios and judge them.

    SCENARIO is the name of a shipped one (see `scenarios list`), NAME/VARIANT, or a file. The run is kept in --out, or
    else in runs/NAME-SEED (runs/NAME-SEED-POLICY with --policy, and -register behind it at that tier).
    """
    from chargebench.scenarios import verbs_run

    return verbs_run.run_all(names, verbs_run.How(seed, policy, tier), verbs_run.Kept(out, pcap), as_json=as_json)


@chargebench.command()
@click.argument("folder", type=click.Path(path_type=Path))
@as_json
def replay(folder: Path, as_json: bool) -> int:
    """Run the run in FOLDER again and compare the two, to the byte."""
    from chargebench.scenarios import verbs_run

    return verbs_run.replay(folder, as_json=as_json)


@chargebench.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--at", metavar="TIME", help="At this time, such as 18:31 or 2026-01-13 02:00; all along, if left out.")
@click.option("--box", metavar="NAME", help="Tell of this one only.")
@as_json
def explain(folder: Path, at: str | None, box: str | None, as_json: bool) -> int:
    """Tell which constraint bound each box of the run in the folder RUN, or runs/RUN.

    It is run again up to that time, with its manager looked at. Exit status: 2 no such run, time or box; 4 this version decides
    otherwise than the one that recorded the run, so that nothing can be explained.
    """
    from chargebench.scenarios import verbs_explain

    return verbs_explain.explain(folder, at, box, as_json=as_json)


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


@chargebench.command()
@click.argument("target", metavar="SITE|SCENARIO")
@click.option("--speed", type=click.FloatRange(0, 3600, min_open=True), default=1.0, help="So many times real time.")
@click.option("--judge", is_flag=True, help="Judge a scenario to its end as run does, whoever the master is.")
@click.option("--own-addresses", is_flag=True, help="192.168.2.151:4701 is at 127.168.2.151:4701, and so on.")
@click.option(
    "--listen", default="127.0.0.1", metavar="ADDRESS", help="Serve at this address, for other machines, too."
)
@click.option("--port", "ports", multiple=True, metavar="NAME=PORT", help="The TCP port of a box or a meter.")
@click.option(
    "--line", "lines", multiple=True, metavar="LINE=TTY", help="A serial port for a line; a pty, if left out."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Draw from this seed instead of the scenario's own.")
@click.option("--control", type=click.Path(path_type=Path), help="Where the socket is that tell speaks to.")
@as_json
def emulate(  # noqa: PLR0913, PLR0917  (one argument for each option)
    target: str,
    speed: float,
    judge: bool,
    own_addresses: bool,
    listen: str,
    ports: tuple[str, ...],
    lines: tuple[str, ...],
    seed: int | None,
    control: Path | None,
    as_json: bool,
) -> int:
    """Serve boxes and meters on ports of this machine, in real time, to any master.

    A site is served as it is, a scenario with its cars, loads and faults. TCP devices have the ports of the site on the
    loopback, or free ones where those are taken; serial lines are ptys or given ports. With --json the first line of stdout
    is {"serving": [{"name", "device", "unit", "at"}]}, when all ports are open.
    """
    from chargebench.scenarios import verbs_emulate
    from chargebench.scenarios.emulate.places import Wish

    wish = Wish(lines, ports, own_addresses, listen)
    order = verbs_emulate.Order(target, wish, speed, seed, judge, control, as_json)
    return verbs_emulate.emulate(order)


@chargebench.command()
@click.argument("site", type=click.Path(path_type=Path))
@click.option(
    "--store", type=click.Path(path_type=Path), help="Where it remembers; SITE.manager.db beside the site, if left out."
)
@click.option(
    "--log", type=click.Path(path_type=Path), help="The file of the log; its older pieces are FILE.1 to FILE.4."
)
@click.option("--licences", metavar="N|FILE", help="How many there are; as the site says, if left out.")
@click.option("--orders", type=click.Path(path_type=Path), help="A file by which people order: dimmed, surplus, trips.")
@click.option(
    "--line", "lines", multiple=True, metavar="LINE=TTY", help="The serial port of a line; /dev/LINE, if left out."
)
@click.option("--tcp", multiple=True, metavar="ADDRESS=HOST:PORT", help="Where an address of the site really leads.")
@click.option("--observe", is_flag=True, help="Read everything and write nothing, whatever the site says.")
@click.option(
    "--http", metavar="[HOST:]PORT", help="Show how the site stands on HTTP there; on loopback without a host."
)
@click.option(
    "--serve-modbus", metavar="[HOST:]PORT", help="Serve the internal EVSE's registers there, to be read only."
)
@as_json
def manage(  # noqa: PLR0913, PLR0917  (one argument for each option)
    site: Path,
    store: Path | None,
    log: Path | None,
    licences: str | None,
    orders: Path | None,
    lines: tuple[str, ...],
    tcp: tuple[str, ...],
    observe: bool,
    http: str | None,
    serve_modbus: str | None,
    as_json: bool,
) -> int:
    """Manage the boxes of SITE, on its real TCP hosts and serial ports, until Ctrl-C.

    It remembers over restarts what it has given away; one manager at a time can do so for a site. SIGHUP has it ask for
    licences and open its log anew. With --json each line of stdout is an object: {"ready"} first, then {"note"} and {"cycle"}
    as things happen, {"ended"} last. Exit status: 0 ended by somebody; 2 site, licences or memory are wrong; 3 another manager
    runs, or a file cannot be had.
    """
    from chargebench.scenarios import verbs_manage

    return verbs_manage.manage(
        verbs_manage.Wish(site, store, log, licences, lines, tcp, observe, as_json, http, serve_modbus, orders)
    )


@chargebench.command()
@click.argument("site", required=False, type=click.Path(path_type=Path))
@click.option("--line", "lines", multiple=True, metavar="LINE=PORT", help="What is served; see below.")
@click.option(
    "--listen", multiple=True, metavar="[HOST:]PORT[=LINE[/UNIT]]", help="Where; a free port, if it is left out or 0."
)
@click.option(
    "--unit", "units", multiple=True, metavar="101=1", help="Clients say 101, and unit 1 of the line is meant."
)
@click.option("--allow", multiple=True, metavar="RULE", help="Refuse what no rule allows; see below.")
@click.option("--read-only", is_flag=True, help="Refuse everything that could change something.")
@click.option("--answer", metavar="TIME", help="How long a unit may take; 450 ms on lines, 1 s over TCP, if left out.")
@click.option("--gap", metavar="TIME", help="Between an answer and the next request; t3.5 on lines, if left out.")
@click.option("--echo", is_flag=True, help="Adapters hear themselves; found out with the first read, if left out.")
@click.option(
    "--retries", type=click.IntRange(0, 10), default=1, show_default=True, help="For reads; writes have none."
)
@click.option("--clients", type=click.IntRange(1, 4096), default=64, show_default=True, help="So many at a time.")
@click.option("--idle", metavar="TIME", help="Clients that ask nothing for so long are let go; 5 min, if left out.")
@click.option("--every", metavar="TIME", help="The table is drawn so often, or told; 1 s, and 10 s with --json.")
@click.option("--faults", multiple=True, metavar="FAULT|FILE", help="Make this go wrong on the line; see below.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="By it the faults are drawn.")
@click.option("--pcap", metavar="FILE", help="Capture lines and clients there, for Wireshark.")
@click.option("--pcap-mb", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Size of a piece of it.")
@as_json
def proxy(  # noqa: PLR0913, PLR0917  (one argument for each option)
    site: Path | None,
    lines: tuple[str, ...],
    listen: tuple[str, ...],
    units: tuple[str, ...],
    allow: tuple[str, ...],
    read_only: bool,
    answer: str | None,
    gap: str | None,
    echo: bool,
    retries: int,
    clients: int,
    idle: str | None,
    every: str | None,
    faults: tuple[str, ...],
    seed: int,
    pcap: str | None,
    pcap_mb: int,
    as_json: bool,
) -> int:
    """Serve the units behind serial lines to clients on Modbus TCP, until Ctrl-C.

    Of a SITE all serial lines are served, on /dev/LINE or where --line COM1=/dev/ttyUSB0 says. Without one, a line is COM1,9600,8,n,1=/dev/ttyUSB0 (…,1,ascii in ASCII mode). A box that bears one client only is
    garage=tcp://192.168.2.151:4701, and a line behind an adapter that carries its bytes COM1,9600,8,n,1=rtu-tcp://HOST:PORT.
    A rule is "192.168.2.0/24 units=1-3 functions=3,4 registers=8092-8101", or parts of that. Other machines get in only where
    --listen names an address of theirs. With --json the first line of stdout is {"listening": [...]}, when all is open.
    A fault is a kind (silence, lost, delay, late, garble, zeros, split, twice, echo, exception) and, if need be, whom it hits:
    "garble share=1% lines=COM1 units=1-3 functions=3,4 requests=100-200", "late by=800ms", "exception code=6".
    Exit status: 0 ended by somebody; 2 what was asked for cannot be; 3 a port or a place to listen at cannot be had.
    """
    from chargebench.scenarios import verbs_proxy

    wish = verbs_proxy.Wish(
        lines,
        listen,
        units,
        allow,
        read_only,
        answer,
        gap,
        echo,
        retries,
        clients,
        idle,
        as_json,
        site,
        every,
        pcap,
        pcap_mb,
    )
    if not faults:
        return verbs_proxy.proxy(wish)
    from chargebench.scenarios import line_faults

    return verbs_proxy.proxy(wish, line_faults.before(faults, seed))


@chargebench.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option("--dry-run", "only_told", is_flag=True, help="Tell what would run, and about how long.")
@click.option("--out", type=click.Path(path_type=Path), help="Its folder; runs/whatif-STUDY, if left out.")
@click.option("--tier", type=click.Choice(TIERS), help="Run the cells there, whatever the study says.")
@click.option("--workers", type=click.IntRange(1, 1024), help="So many processes; one for each core, if left out.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs, such as tcp://10.0.0.5:8786.")
@click.option(
    "--from-run", metavar="CELL", help="Write a cell (VARIATION/SEED, or a night of it, .../DAY) as a scenario."
)
@as_json
def whatif(  # noqa: PLR0913, PLR0917  (one argument for each option)
    study: Path,
    only_told: bool,
    out: Path | None,
    tier: Tier | None,
    workers: int | None,
    scheduler: str | None,
    from_run: str | None,
    as_json: bool,
) -> int:
    """Answer the question of STUDY: the same manager in many worlds, days or years of them.

    A study says where cars come to, who comes, what varies and which figures count. Every cell (a variation with a seed) is
    kept as it comes, so a study that was broken off goes on where it was. Exit status: 2 the study is wrong; 3 the folder
    or the scheduler cannot be had; 70 a cell has failed, and the others are told.
    """
    from chargebench.scenarios import verbs_whatif

    return verbs_whatif.whatif(verbs_whatif.Wish(study, out, tier, workers, scheduler, only_told, from_run, as_json))


chargebench.add_command(tell)


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
