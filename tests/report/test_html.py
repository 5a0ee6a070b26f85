"""The report as a file: complete, well-formed, self-contained, and safe to open."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from made_sweep import AWKWARD, MadeSweep, make_sweep
from sweepspot.report.html import write_report
from sweepspot.trial import State, Trial, TrialResult

VOID = {"meta", "img", "br", "input", "link", "hr"}


class Page(HTMLParser):
    """Reads a page, and notes what does not close and what would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: Counter[str] = Counter()
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.ids: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "data"):
                self.fetched.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.handlers.append(f"{tag} {name}")
            if name == "id":
                self.ids[str(value)] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def made() -> MadeSweep:
    return make_sweep()


@pytest.fixture(scope="module")
def text(made: MadeSweep, tmp_path_factory: pytest.TempPathFactory) -> str:
    return made.write(tmp_path_factory.mktemp("report")).read_text(encoding="utf-8")


def own_parts(text: str) -> str:
    """Return the page without the code of Plotly, whose strings are not ours."""
    longest = max(re.findall(r"<script>.*?</script>", text, flags=re.DOTALL), key=len)
    return text.replace(longest, "")


def charts_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def test_every_element_is_closed_and_every_id_is_there_once(text: str) -> None:
    page = Page(text)

    assert not page.wrong
    assert not page.open
    assert page.tags["h1"] == page.tags["main"] == page.tags["title"] == 1
    assert set(page.ids.values()) == {1}


def test_nothing_is_fetched(text: str) -> None:
    page = Page(text)

    assert not page.fetched
    assert "http" not in own_parts(text).replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_names_in_the_sweep_file_cannot_become_markup(text: str) -> None:
    page = Page(text)

    assert not page.tags["img"]
    assert not page.handlers
    assert AWKWARD not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_every_trial_is_in_the_table_with_its_reason(made: MadeSweep, text: str) -> None:
    rows = re.findall(r'<tr data-trial="(\d+)" data-label="(\w+)">', text)

    expected = [(str(n), str(made.diagnosis[f"#{n:03d}"].label)) for n in made.results]
    assert rows == expected
    assert "build: ValueError: units must be &gt; 0" in text


def test_every_row_has_as_many_cells_as_the_heading(text: str) -> None:
    table = text[text.index('<table id="table">') :]
    head, *rows = re.findall(r"<tr[ >].*?</tr>", table[: table.index("</table>")])

    assert {len(re.findall(r"<t[hd][ >]", row)) for row in rows} == {head.count("<th ")}


def test_the_headline_says_verdict_champion_and_warning(made: MadeSweep, text: str) -> None:
    reason = made.diagnosis.sweep.reason

    assert reason[1:] in text
    assert f"#{made.selection.number:03d} is the champion" in text
    assert '<p class="warning" role="note">This test split was opened 3 times by now.</p>' in text
    assert "<code>sweepspot run sweeps/digits.yaml</code>" in text


def test_every_baseline_and_every_finalist_has_a_row(made: MadeSweep, text: str) -> None:
    assert '<th scope="row">target (error)</th>' in text
    assert '<th scope="row">hist_gradient_boosting</th>' in text
    for contender in made.selection.contenders:
        assert f'<th scope="row">#{contender.number:03d}' in text


def test_the_finalist_that_is_the_model_is_named_and_marked(made: MadeSweep, text: str) -> None:
    number = f"#{made.selection.number:03d}"

    assert f"The model is repeat {made.selection.repeat} of {number}: " in text
    assert f'<th scope="row">{number} selected</th>' in text
    assert charts_of(text)["finalists"]["data"][0]["marker"]["symbol"].count("star") == 1


def test_a_finalist_that_the_gates_stopped_is_no_model(made: MadeSweep, tmp_path: Path) -> None:
    page = write_report(
        tmp_path / "report.html",
        name="stopped",
        results=made.results,
        diagnosis=made.diagnosis,
        space=made.spec.points,
        selection=made.selection,
    ).read_text(encoding="utf-8")

    number = f"#{made.selection.number:03d}"
    assert f"There is no model: the gates stopped all, {number} too, which came first: " in page
    assert "The model is" not in page
    assert f'<th scope="row">{number} selected</th>' not in page
    assert "star" not in charts_of(page)["finalists"]["data"][0]["marker"]["symbol"]


def test_there_is_a_curve_for_every_trial(made: MadeSweep, text: str) -> None:
    curves = charts_of(text)["curves"]

    assert set(curves) == {str(n) for n in made.results}
    assert curves["8"]["epochs"] == [1, 2, 3, 4, 5, 6]
    assert curves["5"] == {"epochs": [], "J_train": [], "J_cv": [], "kept": None}


def test_every_colour_is_one_of_the_page(text: str) -> None:
    named = set(re.findall(r"var\((--\w+)\)", own_parts(text)))
    light, dark = re.findall(r":root \{(.*?)\}", own_parts(text), flags=re.DOTALL)

    computed = {"--share", "--color", "--x"}
    assert named - computed <= set(re.findall(r"(--\w+):", light))
    assert set(re.findall(r"(--\w+):", light)) == set(re.findall(r"(--\w+):", dark))


def test_a_sweep_in_which_everything_failed_has_a_report(made: MadeSweep, tmp_path: Path) -> None:
    failed = {
        n: TrialResult(
            trial=Trial(number=n, params={}, seed=0, epochs=3),
            state=State.FAILED,
            reason="diverged",
            J_cv=math.nan,
        )
        for n in made.results
    }

    page = write_report(
        tmp_path / "report.html",
        name="failed",
        results=failed,
        diagnosis=made.diagnosis,
        space=made.spec.points,
        champion_lines=["champion  none: no trial was completed"],
    )

    assert "None: no trial was completed." in page.read_text(encoding="utf-8")


def test_a_report_of_hundreds_of_trials_stays_small(tmp_path: Path) -> None:
    many = make_sweep(trials=400)

    page = many.write(tmp_path)

    # Plotly is 4.8 MB; a trial may add 5 kB of words, points and curve.
    assert page.stat().st_size < 4.9e6 + 400 * 5e3
