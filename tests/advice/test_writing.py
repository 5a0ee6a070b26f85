import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from planting import declare

from sweepspot.advice.writing import Splice, as_text, flow, splice, without_notes
from sweepspot.sweepfile import read_spec


@given(
    st.recursive(
        st.booleans()
        | st.integers(-(10**6), 10**6)
        | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]))
        | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab1-", min_size=1), inner),
    )
)
def test_a_value_reads_back(value):
    assert yaml.safe_load(flow(value)) == value


@pytest.mark.parametrize("name", ["yes", "1e-4", "a: b", "#", "", "0x1f", "2024-01-01"])
def test_words_that_yaml_would_take_for_something_else_are_quoted(name):
    assert yaml.safe_load(flow([name])) == [name]


def test_a_block_keeps_its_comments_and_spacing():
    text = (
        "train:\n"
        "  # as long as it takes\n"
        "  epochs:   5   # few\n"
        "  batch_size: 32\n"
        "\n"
        "# the end\n"
        "model: mlp\n"
    )

    edited = splice(text, [Splice(path=("train", "epochs"), text="15", notes=("why",))])

    assert edited == (
        "train:\n"
        "  # as long as it takes\n"
        "  # sweepspot: why\n"
        "  epochs:   15   # few\n"
        "  batch_size: 32\n"
        "\n"
        "# the end\n"
        "model: mlp\n"
    )
    assert without_notes(edited) == text.replace("5 ", "15 ", 1).replace("15  ", "15  ")


def test_a_block_value_ends_where_its_text_ends():
    text = "space:\n  units:\n    int: [1, 2]  # narrow\n    when:\n      a:\n        - 1\n  b: 2\n"

    edited = splice(text, [Splice(path=("space", "units"), text="{int: [1, 9]}")])

    assert edited == "space:\n  units:\n    {int: [1, 9]}\n  b: 2\n"


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("train: {batch_size: 8}  # small\n", "train: {batch_size: 8, epochs: 15}  # small\n"),
        ("train: {}\n", "train: {epochs: 15}\n"),
        ("train:\n  batch_size: 8 # small\n", "train:\n  epochs: 15\n  batch_size: 8 # small\n"),
        ("model: mlp", "model: mlp\ntrain: {epochs: 15}\n"),
    ],
)
def test_a_key_that_is_missing_is_added(text, edited):
    assert splice(text, [Splice(path=("train", "epochs"), text="15")]) == edited


def test_a_section_of_one_value_is_added_too():
    assert splice("model: mlp\n", [Splice(path=("name",), text="a")]) == "model: mlp\nname: a\n"


def test_comments_of_one_line_stand_in_the_order_of_the_call():
    text = "a: {x: 1, y: 2}\n"

    edited = splice(
        text,
        [
            Splice(path=("a", "x"), text="3", notes=("first",)),
            Splice(path=("a", "y"), text="4", notes=("second",)),
        ],
    )

    assert edited == "# sweepspot: first\n# sweepspot: second\na: {x: 3, y: 4}\n"


def test_a_declaration_from_python_is_written_as_a_file(tmp_path):
    spec = declare(
        {
            "optimizer": {"choice": ["adam", "sgd"]},
            "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
        },
        train={"epochs": 5, "early_stopping": None},
        search={"timeout": "2h", "start": [{"momentum": 0.5}]},
    )
    path = tmp_path / "a.yaml"

    path.write_text(as_text(spec))

    assert read_spec(path).model_dump() == spec.model_dump()
