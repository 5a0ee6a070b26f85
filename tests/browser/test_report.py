"""The report in a real browser: charts are drawn, and nothing is complained about."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from made_sweep import make_sweep
from sweepspot.judging import Judge
from sweepspot.report.html import write_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on the PATH"),
]


def browse(page: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sweep().write(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def seen(page: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return what the page became in the browser, and what its console said."""
    ended = browse(page, tmp_path_factory.mktemp("profile"), "--dump-dom", "--window-size=1280,900")
    return ended.stdout, "\n".join(re.findall(r".*CONSOLE.*", ended.stderr))


def chart(dom: str, name: str) -> str:
    """Return the markup of a chart, up to the next section."""
    begin = dom.index(f'id="chart-{name}"')
    return dom[begin : dom.index("</section>", begin)]


def test_every_chart_is_drawn(seen: tuple[str, str]) -> None:
    dom, console = seen

    assert 'data-drawn="true"' in dom
    assert console == ""
    assert len(re.findall(r'class="point[ "]', chart(dom, "split"))) > 37
    # Each line of the curve has one more in the legend.
    assert chart(dom, "curve").count('class="js-line"') == 4
    assert chart(dom, "space").count('class="js-line"') >= 6
    assert len(re.findall(r'class="point[ "]', chart(dom, "finalists"))) == 3


def test_the_table_comes_sorted_and_the_champion_selected(seen: tuple[str, str]) -> None:
    dom, _ = seen

    table = dom[dom.index('<table id="table">') :]
    # The first two cells of a row are its label and J_cv.
    cells = re.findall(r'</th><td data-sort="\w+">.*?</td><td[^>]*data-sort="([^"]*)"', table)
    known = [float(J_cv) for J_cv in cells if J_cv]
    assert known == sorted(known)
    assert cells[len(known) :] == ["", ""]
    assert table.count('" aria-selected="true">') == 1
    assert re.search(r'<tr data-trial="(\d+)"[^>]*aria-selected="true"[^>]*>.*?champion', dom)


@pytest.mark.parametrize("scheme", ["0", "1"], ids=["dark", "light"])
def test_charts_follow_the_colours_of_the_page(page: Path, tmp_path: Path, scheme: str) -> None:
    ended = browse(
        page, tmp_path / "profile", "--dump-dom", f"--blink-settings=preferredColorScheme={scheme}"
    )

    light, dark = "rgb(27, 108, 168)", "rgb(109, 179, 232)"
    drawn = chart(ended.stdout, "curve")
    assert ((dark in drawn), (light in drawn)) == ((True, False), (False, True))[int(scheme)]


def test_a_phone_shows_the_page_without_scrolling_it_sideways(page: Path, tmp_path: Path) -> None:
    probe = tmp_path / "probe.html"
    text = page.read_text(encoding="utf-8")
    measure = (
        "<script>addEventListener('load', () => setTimeout(() => {"
        "document.body.dataset.over = document.documentElement.scrollWidth - innerWidth;"
        "}, 3000));</script></body>"
    )
    probe.write_text(measure.join(text.rsplit("</body>", 1)), encoding="utf-8")

    ended = browse(probe, tmp_path / "profile", "--dump-dom", "--window-size=500,900")

    over = re.search(r'data-over="(-?\d+)"', ended.stdout)
    assert over
    assert int(over[1]) <= 0


@pytest.mark.parametrize("numbers", [[], [5], [0], [0, 3, 8]], ids=str)
def test_a_sweep_with_hardly_a_trial_is_drawn(tmp_path: Path, numbers: list[int]) -> None:
    made = make_sweep()
    results = {n: made.results[n] for n in numbers}
    judge = Judge(made.spec, J_naive=2.3, algorithm=None, losses=lambda result: None)
    report = write_report(
        tmp_path / "report.html",
        name="hardly",
        results=results,
        diagnosis=judge.all(results.values()),
        space=made.spec.points,
    )

    ended = browse(report, tmp_path / "profile", "--dump-dom")

    assert 'data-drawn="true"' in ended.stdout
    assert "CONSOLE" not in ended.stderr
