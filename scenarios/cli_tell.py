"""The verb that speaks to an emulation that runs."""

from __future__ import annotations

from pathlib import Path

import click

from chargebench.scenarios.cli_options import as_json


@click.group()
@click.option("--to", type=click.Path(path_type=Path), help="The socket of the emulation, where several run.")
@click.pass_context
def tell(context: click.Context, to: Path | None) -> None:
    """Do something in an emulation that runs: plug in, unplug, break something, switch loads on."""
    context.obj = to


def _tell(context: click.Context, do: str, as_json: bool, **fields: object) -> int:
    from chargebench.scenarios import verbs_emulate

    request = {"do": do, **{name: value for name, value in fields.items() if value is not None}}
    return verbs_emulate.tell(request, context.obj, as_json=as_json)


@tell.command("plug")
@click.argument("box")
@click.option("--car", help="One of cars list; one that takes 11 kW on three phases, if left out.")
@click.option("--as", "name", help="What it is called.")
@click.option("--wants", help="How much energy, such as 20 kWh; 100 kWh, if left out.")
@as_json
@click.pass_context
def tell_plug(
    context: click.Context, box: str, car: str | None, name: str | None, wants: str | None, as_json: bool
) -> int:
    """Plug a car in at BOX. It stays until it is unplugged."""
    return _tell(context, "plug", as_json, plugs=box, car=car, wants=wants, **{"as": name})


@tell.command("unplug")
@click.argument("box")
@as_json
@click.pass_context
def tell_unplug(context: click.Context, box: str, as_json: bool) -> int:
    """Unplug the car at BOX."""
    return _tell(context, "unplug", as_json, box=box)


@tell.command("fault")
@click.argument("fault")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--for", "lasts", help="How long, such as 30 s; for good, if left out.")
@as_json
@click.pass_context
def tell_fault(context: click.Context, fault: str, names: tuple[str, ...], lasts: str | None, as_json: bool) -> int:
    """Let FAULT, such as silence or reboot, begin on each NAME."""
    return _tell(context, "fault", as_json, fault=fault, on=list(names), **{"for": lasts})


@tell.command("house")
@click.argument("load")
@click.option("--phases", help="On which, such as L1; on all three, if left out.")
@as_json
@click.pass_context
def tell_house(context: click.Context, load: str, phases: str | None, as_json: bool) -> int:
    """Let the house draw LOAD from now on: 4 A on each phase, or 2 kW in all."""
    return _tell(context, "house", as_json, load=load, phases=phases)


@tell.command("show")
@as_json
@click.pass_context
def tell_show(context: click.Context, as_json: bool) -> int:
    """Print every box as it is now."""
    return _tell(context, "show", as_json)
