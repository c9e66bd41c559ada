"""Hand-made sites and views: what the controller of a policy is asked about."""

from chargebench.manager.readings import BoxReading, BoxView, MeterReading, MeterView, Pilot, View
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.units import per_phase_ma

AT = TcpAddress("192.168.2.151", 4701)
SECOND = 1_000_000
VOLT = 230_000
SILENT_AT = 3 * SECOND


def amps(watts):
    return per_phase_ma(watts, VOLT)


def site(*boxes, total_w=15_000, reserve_w=500, evse_w=None, meters=(), house_max_ma=0):
    connection = Connection(
        total_w,
        amps(total_w),
        evse_ma=None if evse_w is None else amps(evse_w),
        reserve_ma=amps(reserve_w),
        house_max_ma=house_max_ma,
    )
    roles = tuple(HouseMeter(f"meter{k}", "eastron-sdm630", AT, 100 + k, role) for k, role in enumerate(meters))
    return Site(connection, boxes, roles, policy="original")


def box(name="box", phases=(0, 1, 2), **more):
    return Box(name, "power-brain", AT, 1, phases, **more)


def boxes(many, **more):
    return [box(f"box{k}", **more) for k in range(many)]


def seen(pilot="C", limit_ma=16_000, drawn=None, watts=None, silent_us=None, failsafe_ma=6_000):
    """A box: ``drawn`` on its three terminals alike, or on each of them; ``watts`` for a meter that knows a total alone."""
    phases = (drawn,) * 3 if isinstance(drawn, int) else drawn
    reading = BoxReading(
        0, Pilot(pilot), limit_ma, limit_ma, phases, watts, failsafe_us=300 * SECOND, failsafe_ma=failsafe_ma
    )
    return BoxView(reading, silent_us)


NEVER = BoxView(None, 0)


def house(ma=None, watts=None, silent_us=None):
    phases = (ma,) * 3 if isinstance(ma, int) else ma
    return MeterView(MeterReading(0, phases, watts), silent_us)


def view(*found, meters=()):
    return View(tuple(found), tuple(meters))


def sent(commands):
    return {command.box: command.limit_ma for command in commands}
