"""The documentation says what exists, all of it, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import sweepspot
from sweepspot.cli import app
from sweepspot.diagnosis import Criteria, Label
from sweepspot.families.hyperparameters import HyperParameters
from sweepspot.networks import FAMILIES
from sweepspot.schema import sweep_schema
from sweepspot.sweepfile import parse_spec, read_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
SCHEMA = Path(sweepspot.__path__[0]) / "schema.json"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def section(heading: str) -> str:
    """Return a section of the guide, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    assert found, f"the guide has no section {heading}"
    return found[1]


def keys(schema: dict[str, Any], node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield every key of a sweep file with its sections, dotted."""
    for name, value in node.get("properties", {}).items():
        yield prefix + name
        refs = [value, *value.get("anyOf", [])]
        for ref in filter(None, (r.get("$ref") for r in refs)):
            yield from keys(schema, schema["$defs"][ref.rsplit("/", 1)[1]], f"{prefix}{name}.")
        if name == "criteria":
            yield from keys(schema, value, "criteria.")


def documented(key: str) -> bool:
    """Tell whether a key stands in the first column of the table that it belongs into."""
    first, _, rest = key.partition(".")
    if rest:
        return f"\n| `{rest}` |" in section(f"`{first}`")
    return f"\n| `{key}` |" in section("The first level") or f"### `{key}`\n" in GUIDE


@pytest.mark.parametrize("key", sorted(keys(sweep_schema(), sweep_schema())))
def test_every_key_of_a_sweep_file_is_in_the_guide(key: str) -> None:
    assert documented(key)


@pytest.mark.parametrize("kind", ["Float", "Int", "Choice"])
def test_every_key_of_a_dimension_is_in_the_guide(kind: str) -> None:
    for key in sweep_schema()["$defs"][kind]["properties"]:
        assert f"\n| `{key}` |" in section("`space`")


def test_every_setting_of_every_family_is_in_the_guide() -> None:
    text = section("Families, and your own network")

    for family, settings in FAMILIES.items():
        assert f"`{family}`" in text
        for name in settings:
            assert f"`{name}`" in text


def test_all_that_a_build_can_ask_is_in_the_guide() -> None:
    text = GUIDE.partition("and say `model: my_models:build`")[2].partition("\n## ")[0]
    public = [name for name in dir(HyperParameters({})) if not name.startswith("_")]

    assert [name for name in public if f"`{name}`" not in text] == []


def test_every_command_and_option_is_in_the_guide() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    text = section("Commands")

    for name, command in commands.items():
        assert f"`sweepspot {name}" in text
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                rows = [row for row in text.splitlines() if f"sweepspot {name}" in row]
                assert option == "--help" or any(option in row for row in rows), (name, option)


def test_no_command_is_promised_that_does_not_exist() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    code = re.findall(r"`sweepspot ([a-z]+)", README + GUIDE)

    assert set(code) <= set(commands)


def test_every_label_is_explained() -> None:
    for label in Label:
        assert f"| `{label}` |" in README
        assert f"**`{label}`.**" in section("The labels")


def test_thresholds_are_documented_with_their_values() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([\d.]+)` \|", section("`criteria`"), re.MULTILINE))

    defaults = {name: field.default for name, field in Criteria.__dataclass_fields__.items()}
    assert {name: float(value) for name, value in rows.items()} == defaults


@pytest.mark.parametrize("text", [*blocks(README, "yaml"), *blocks(GUIDE, "yaml")])
def test_sweep_files_in_the_documentation_are_accepted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")

    assert read_spec(path).name


@pytest.mark.parametrize("code", [*blocks(README, "python"), *blocks(GUIDE, "python")])
def test_python_in_the_documentation_compiles_and_its_names_exist(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == "sweepspot":
            assert {alias.name for alias in node.names} <= set(sweepspot.__all__)


@pytest.mark.parametrize(
    "code", [c for text in (README, GUIDE) for c in blocks(text, "python") if "Evidence" in c]
)
def test_the_diagnosis_in_the_documentation_runs(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(code, "documentation", "exec"), {})

    assert capsys.readouterr().out.startswith("high_bias ")


def test_the_declaration_in_the_readme_is_accepted() -> None:
    call = next(
        node
        for code in blocks(README, "python")
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Sweep"
    )
    source = ast.unparse(ast.Dict([ast.Constant(k.arg) for k in call.keywords], _values(call)))

    from sweepspot.space import Choice, Float, Int

    parse_spec(eval(source, {"Choice": Choice, "Float": Float, "Int": Int}))


def _values(call: ast.Call) -> list[ast.expr]:
    return [keyword.value for keyword in call.keywords]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        # The pictures are taken of a real sweep, and come with a release.
        if link.startswith("http") or "docs/images/" in link:
            continue
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


NOTES = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.name)
def test_decision_notes_are_short(note: Path) -> None:
    assert len(note.read_text(encoding="utf-8").splitlines()) <= 40


def test_every_decision_note_is_in_the_index_by_its_title() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")

    listed = re.findall(r"^- \[(\d+)\]\((.*?)\): (.*)$", index, flags=re.MULTILINE)

    found = [
        (note.name[:4], note.name, note.read_text(encoding="utf-8").splitlines()[0])
        for note in NOTES
    ]
    assert [(n, name, f"# {n}: {title}") for n, name, title in listed] == found


def test_the_schema_for_editors_is_current() -> None:
    stored = json.loads(SCHEMA.read_text(encoding="utf-8"))

    # Write it anew with json.dumps(sweep_schema(), indent=2) and a last newline.
    assert stored == sweep_schema()


def test_the_schema_lets_through_what_the_reader_accepts() -> None:
    schema = sweep_schema()

    file = yaml.safe_load((ROOT / "sweeps" / "digits.yaml").read_text(encoding="utf-8"))
    assert set(schema["required"]) <= set(file) <= set(schema["properties"])
    timeout = schema["$defs"]["Search"]["properties"]["timeout"]["anyOf"]
    pattern = next(kind["pattern"] for kind in timeout if kind.get("type") == "string")
    assert re.search(pattern, "2h")
    assert not re.search(pattern, "soon")


def test_the_public_names_are_those_that_the_documentation_imports() -> None:
    imported = {
        alias.name
        for code in (*blocks(README, "python"), *blocks(GUIDE, "python"))
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and node.module == "sweepspot"
        for alias in node.names
    }
    told = set(re.findall(r"`(\w+)[(`]", README + GUIDE))

    public = set(sweepspot.__all__)
    assert imported <= public <= imported | told
    assert public <= set(dir(sweepspot))
    assert all(getattr(sweepspot, name) for name in public)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sweepspot.nothing  # noqa: B018
