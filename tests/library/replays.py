"""``python replays.py RUN …`` replays kept runs in one process: a line of JSON for each, as the verb prints it."""

from __future__ import annotations

import contextlib
import io
import json
import sys

from chargebench.scenarios.cli import main


def replayed(run: str) -> str:
    sys.argv = ["chargebench", "replay", "--json", run]
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        main()
    return json.dumps(json.loads(told.getvalue()))


if __name__ == "__main__":
    for run in sys.argv[1:]:
        sys.stdout.write(f"{replayed(run)}\n")
