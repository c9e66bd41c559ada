"""The page about studies: its study can be read, and it names everything that can vary and every figure."""

from __future__ import annotations

from pathlib import Path

from chargebench.scenarios.whatif.figures import FIGURES
from chargebench.scenarios.whatif.knobs import KNOBS
from chargebench.scenarios.whatif.presets import PRESETS
from chargebench.scenarios.whatif.study import read_study
from chargebench.scenarios.whatif.sums import DERIVED
from tests.whatif.studies import put

TEXT = (Path(__file__).parent.parent.parent / "docs" / "whatif.md").read_text("utf-8")


def test_the_study_of_the_page_can_be_read(tmp_path):
    study = read_study(put(tmp_path, TEXT.partition("```yaml\n")[2].partition("```")[0]))
    assert (len(study.variations), study.seeds) == (8, (1, 2, 3, 4, 5))


def test_the_page_names_everything_with_its_meaning():
    assert [name for name in KNOBS if f"`{name}`" not in TEXT] == []
    assert [name for name in PRESETS if f"`{name}`" not in TEXT and f"preset: {name}`" not in TEXT] == []
    rows = [f"| `{name}` | {one.about} |" for name, one in FIGURES.items()]
    rows += [f"| `{name}` | {about} |" for name, about in DERIVED.items()]
    assert [row for row in rows if row not in TEXT] == []
