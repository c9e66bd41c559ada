"""Inputs of the master: each is read from somewhere that nobody else answers for, and something goes by it."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.manager.inputs import numbers
from chargebench.manager.inputs_file import own_inputs
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.checks.finding import Found, Ground, spot_of


def input_places(ground: Ground) -> Iterator[Found]:
    """No input is read at the id of a meter or box, and on a line each with the parameters that the others have there."""
    for k, one in enumerate(ground.site.inputs):
        if one.box:
            continue
        here, spot = (*ground.loc, "inputs", k), spot_of(one.address)
        there = [device for device in ground.devices if device.spot == spot]
        other = next((device for device in there if device.unit == one.unit), None)
        if other is not None:
            sentence = f"{other.name} has id {one.unit} at {spot} already"
            yield Found("error", (*here, "id"), sentence)
        first = next((device for device in there if device.address != one.address), None)
        if first is not None and isinstance(one.address, SerialAddress):
            sentence = f"{spot} has one set of parameters, and {first.name} has {first.address}"
            yield Found("error", (*here, "at"), sentence, str(first.address))


def inputs(ground: Ground) -> Iterator[Found]:
    """An input by which something goes is read, and one that is read decides something."""
    site = ground.site
    read = {one.number: k for k, one in enumerate(site.inputs)}
    for number in numbers(site):
        if number not in read and not ground.loc:  # in a scenario people tell the master
            able = next((box.name for box in site.boxes if own_inputs(box.device) is not None), "")
            right = f"{{number: {number}, of: {able}}}" if able else f"{{number: {number}, at: …, address: …}}"
            sentence = (
                f"nothing reads input {number}, so what is worst for the boxes always holds; {right} would read it"
            )
            yield Found("note", (*ground.loc, "inputs"), sentence, right)
    for number, k in read.items():
        if number not in numbers(site):
            yield Found("note", (*ground.loc, "inputs", k), f"nothing goes by input {number}")
