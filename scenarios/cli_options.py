"""Options that many verbs have."""

from __future__ import annotations

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
