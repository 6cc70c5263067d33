"""The page as readers see it: on a phone, on a desk, in dark mode and in print."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.infra.report.browser import Browser, open_browser
from tests.infra.report.known_archive import SCRIPT, KnownArchive
from ttl_archive.infra.cli import cli
from ttl_archive.infra.local.moto_server.emulator import Emulator

PHONE, DESK = 375, 1280
PNG = b"\x89PNG\r\n"
# The rows of every table by the name of its section, details included, as texts.
TABLES = """
const found = {};
for (const section of document.querySelectorAll('section'))
  found[section.getAttribute('aria-labelledby')] = [...section.querySelectorAll('tr')].map(
    row => [...row.children].map(cell => cell.textContent.trim()));
return found;
"""
# Texts whose contrast with their background is below that of WCAG 2.2, 1.4.3 (AA, 4.5 to 1).
FAINT = """
const channel = value =>
  value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const parse = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = node => { for (; node; node = node.parentElement) {
  const colour = parse(getComputedStyle(node).backgroundColor);
  if (colour.length < 4 || colour[3] > 0) return colour;
} };
const faint = [];
for (const node of document.body.querySelectorAll('*')) {
  if (![...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())) continue;
  const style = getComputedStyle(node), svg = node.namespaceURI.endsWith('svg');
  if (node.localName === 'title') continue;
  const pair = [light(parse(svg ? style.fill : style.color)), light(behind(node))].sort((a, b) => b - a);
  if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) faint.push(node.textContent);
}
return faint;
"""
# Texts of plots that run into their neighbour, or out of the drawing.
CRAMPED = """
const cramped = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map(
    text => [text.textContent, text.getBoundingClientRect()]);
  for (const [name, box] of boxes) {
    if (box.left < frame.left - 1 || box.right > frame.right + 1) cramped.push(name);
    for (const [other, its] of boxes)
      if (name !== other && box.left < its.left && box.right > its.left && Math.abs(box.top - its.top) < 2)
        cramped.push(name + ' | ' + other);
  }
}
return cramped;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(
    archive: KnownArchive, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The page of the bucket, that with verdicts, and that of a folder, where most parts are not counted."""
    folder = tmp_path_factory.mktemp("pages")
    environment = {**emulator.environment(), "TTL_ARCHIVE_CONFIG": str(archive.config)}
    found = {}
    for name, place in (
        ("bucket", ["s3"]),
        ("folder", [str(archive.copy)]),
        ("verified", ["s3", "--verify"]),
    ):
        found[name] = folder / f"{name}.html"
        arguments = ["report", "--month", "2026-10", "--out", str(found[name]), "--on", *place]
        result = CliRunner().invoke(cli, arguments, env=environment)
        assert result.exit_code == 0, result.output
    return found


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", ["bucket", "folder", "verified"])
def test_the_page_fits_the_screen_without_an_error_or_a_request(
    browser: Browser, pages: dict[str, Path], name: str, width: int, tmp_path: Path
) -> None:
    browser.show(pages[name], width=width)

    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(CRAMPED) == []
    assert browser.console() == []
    assert browser.requests() == [pages[name].as_uri()]
    assert browser.screenshot().startswith(PNG)


def test_the_page_has_no_script_and_refuses_one(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    """The page's own policy refuses everything but its styles; here a script is smuggled in."""
    text = pages["bucket"].read_text(encoding="utf-8")
    smuggled = tmp_path / "smuggled.html"
    smuggled.write_text(text.replace("</body>", "<script>document.title = 'ran'</script></body>"), "utf-8")

    browser.show(smuggled, width=DESK)

    assert "<script" not in text
    assert browser.run("return document.title") == "devices, 2026-10: archive report"
    assert "Content Security Policy" in browser.console()[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["bucket", "folder", "verified"])
def test_every_text_has_contrast_in_both_colour_schemes(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    browser.show(pages[name], width=DESK, scheme=scheme)

    is_dark = browser.run("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert is_dark == (scheme == "dark")
    assert browser.run(FAINT) == []


def test_print_shows_the_table_behind_each_plot(browser: Browser, pages: dict[str, Path]) -> None:
    heights = (
        "return [...document.querySelectorAll('details')].map(each => each.getBoundingClientRect().height)"
    )
    browser.show(pages["bucket"], width=794)
    on_screen = browser.run(heights)

    browser.show(pages["bucket"], width=794, media="print")

    assert browser.run("return document.querySelectorAll('svg').length") == len(on_screen) == 3
    assert all(printed > 100 > shown for printed, shown in zip(browser.run(heights), on_screen, strict=True))


def test_the_numbers_that_a_reader_sees_are_those_of_the_archive(
    browser: Browser, pages: dict[str, Path], archive: KnownArchive
) -> None:
    browser.show(pages["bucket"], width=DESK)
    tables: dict[str, Any] = browser.run(TABLES)

    rows = {row[0]: row[1] for row in tables["rows"][1:]}
    october = [size for key, size in archive.sizes.items() if "dt=2026-10" in key]
    small = sum(size < 131_072 for size in october) + 1  # and the object of the replay
    assert rows == {day: f"{count}" for day, count in archive.rows.items()} | {
        "2026-10-04": "not counted: 1 object, all in GLACIER"
    }
    assert tables["drops"][1:] == [
        ["not a removal", "7"],
        ["removed by a user", "3"],
        ["removed by TTL", "not counted: no datapoint"],
    ]
    assert ["NotAChangeRecord", "open", "1"] in tables["errors"]
    assert any(SCRIPT in cause for cause, *_ in tables["errors"])  # as a text
    sizes = browser.run("return document.querySelector('section[aria-labelledby=sizes] p').textContent")
    assert sizes.startswith(f"{small} of {len(october) + 1} objects of the period are smaller than 128 KiB")


def test_a_plot_has_a_bar_for_each_row_of_its_table(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["bucket"], width=DESK)

    counted = browser.run(
        "return [...document.querySelectorAll('svg')].map(svg => [svg.querySelectorAll('rect').length, "
        "svg.nextElementSibling.querySelectorAll('tbody tr').length])"
    )
    assert [bars for bars, _ in counted] == [rows for _, rows in counted] == [10, 7, 6]


def test_the_table_of_verdicts_is_named_and_open_when_a_day_does_not_close(
    browser: Browser, pages: dict[str, Path], archive: KnownArchive
) -> None:
    browser.show(pages["verified"], width=PHONE)
    rows: list[list[str]] = browser.run(TABLES)["verdicts"]

    assert rows[0] == ["day", "verdict", "deleted by TTL", "rows that were read", "difference", "reason"]
    assert {row[0]: row[2] for row in rows[1:11]} == {day: f"{n}" for day, n in archive.deleted.items()}
    assert (rows[4][:2], rows[-1][:2]) == (["2026-10-04", "not countable"], ["all days", "not countable"])
    section = "const section = document.querySelector('section[aria-labelledby=verdicts]'); return "
    assert browser.run(section + "section.querySelector('details').open") is True
    assert browser.run(section + "[...section.querySelectorAll('th')].every(each => each.scope)") is True
    assert browser.run(section + "section.querySelector('.wide').tabIndex") == 0
    assert browser.run(section + "section.querySelector('.wide').getAttribute('aria-label')")
