"""The page of each device in ``docs/devices``, made from its datasheet: ``python -m docs.pages`` writes them anew."""

from __future__ import annotations

from pathlib import Path

from chargebench.datasheets.load import load, names
from chargebench.scenarios import sheets

FOLDER = Path(__file__).parent / "devices"
INDEX = "README.md"


def pages() -> dict[str, str]:
    """What each file of the folder holds, by name."""
    found = [load(name) for name in names()]
    lines = ["# Devices", ""]
    for kind, title in (("evse", "Boxes"), ("meter", "Meters")):
        lines += [f"## {title}", ""]
        lines += [f"- [{one.maker} {one.model}]({one.name}.md): `{one.name}`" for one in found if one.kind == kind]
        lines.append("")
    return {INDEX: "\n".join(lines[:-1]) + "\n"} | {f"{one.name}.md": sheets.as_page(one) for one in found}


def main() -> None:
    """Write every page, and take away those of devices that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in sorted(FOLDER.glob("*.md")):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
