"""Lines of JSON: what a crash has torn is lost alone."""

import pytest

from sweepspot.jsonlines import append_line, read_lines


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mlruns" / "ledger.jsonl"


def test_a_file_that_is_not_there_has_no_lines_and_is_not_made(path):
    assert read_lines(path) == []
    assert not path.parent.exists()


def test_lines_are_read_back_in_order(path):
    append_line(path, {"a": 1, "text": "line\nbreak \u2028"})
    append_line(path, {"b": [None, {}]})

    assert read_lines(path) == [{"a": 1, "text": "line\nbreak \u2028"}, {"b": [None, {}]}]


@pytest.mark.parametrize("torn", ["", "{", '{"a": {}', '{"a": {"b": 1}', "7", '"a"'])
def test_a_torn_line_loses_itself_alone(path, torn):
    append_line(path, {"k": 1})
    with path.open("a", encoding="utf-8") as file:
        file.write(torn)

    append_line(path, {"k": 2})

    assert read_lines(path) == [{"k": 1}, {"k": 2}]
