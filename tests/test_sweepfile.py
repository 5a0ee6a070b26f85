"""Reading a sweep file: what is wrong with it, where, and what a person may write."""

from pathlib import Path

import pytest

from sweepspot.errors import SpecError
from sweepspot.space import Choice, Float, Int
from sweepspot.sweep import Sweep
from sweepspot.sweepfile import parse_spec, read_spec

HEAD = 'name: s\ndata: {source: "sklearn:iris"}\n'
SPACE = "space:\n  units: {int: [4, 32]}\n"
KEYS = {"name": "s", "data": {"source": "sklearn:iris"}, "space": {"units": {"int": [4, 32]}}}
DIMENSION = (
    "must be a plain value, or have one of the keys float, int, choice; "
    "write {float: [low, high]}, {int: [low, high]} or {choice: [a, b]}"
)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return a function that reads a sweep file of some text."""
    monkeypatch.chdir(tmp_path)

    def read_text(text):
        Path("s.yaml").write_text(text, encoding="utf-8")
        return read_spec(Path("s.yaml"))

    return read_text


def problems_of(read, text):
    with pytest.raises(SpecError) as refused:
        read(text)
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: must be a mapping of keys, got NoneType"),
        ("- a\n- b\n", "1: must be a mapping of keys, got list"),
        ("name: s\n\tdata: 3\n", "2: must be YAML, got: found character '\\t' that cannot start"),
        ("name: [a\n", "2: must be YAML, got: expected ',' or ']', but got '<stream end>'"),
        (HEAD + SPACE + "name: again\n", "5: must be YAML, got: the key 'name' twice"),
        (HEAD + SPACE + "  units: 3\n", "5: must be YAML, got: the key 'units' twice"),
    ],
)
def test_what_is_not_a_mapping_of_keys_is_refused(read, text, problem):
    (found,) = problems_of(read, text)

    assert found.startswith(f"s.yaml:{problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")

    with pytest.raises(SpecError, match="must be a readable sweep file, got: No such file"):
        read_spec(tmp_path / "gone.yaml")
    with pytest.raises(SpecError, match="must be a readable sweep file, got: Is a directory"):
        read_spec(tmp_path)
    with pytest.raises(SpecError, match="got: bytes that are not UTF-8"):
        read_spec(tmp_path / "bytes.yaml")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("trian: {epochs: 3}", "trian: unknown key; did you mean train?"),
        ("zzzzz: 3", "zzzzz: unknown key; remove it"),
        ("search: {trails: 3}", "search.trails: unknown key; did you mean trials?"),
        ("select: {registr: a}", "select.registr: unknown key; did you mean register?"),
        (
            "search: {engine: optna}",
            "search.engine: expected one of optuna, keras_tuner, got 'optna'; did you mean optuna?",
        ),
        (
            "search: {sampler: bayesian}",
            "search: sampler of optuna must be one of tpe, random, qmc, grid, got 'bayesian'",
        ),
        (
            "search: {engine: keras_tuner, sampler: tpe}",
            "search: sampler of keras_tuner must be one of random, bayesian, hyperband, grid, "
            "got 'tpe'",
        ),
        (
            "search: {engine: keras_tuner, pruner: median}",
            "search: keras_tuner has no pruners, got 'median'; "
            "use sampler: hyperband, or engine: optuna",
        ),
        (
            "search: {timeout: soon}",
            "search.timeout: must be a number, got 'soon'",
        ),
        (
            "search: {start: [{units: 8}, {units: 99}]}",
            "search.start[1]: units: must be in [4, 32], got 99",
        ),
        (
            "search: {start: [{unit: 8}]}",
            "search.start[0]: unit: not in the space; remove it",
        ),
        (
            "search: {start: [{units: [8]}]}",
            "search.start[0].units: must be true or false, a number or text, got [8]",
        ),
        ("criteria: {excess: wide}", "criteria.excess: must be a number, got 'wide'"),
        ("train: {epochs: 0}", "train.epochs: must be greater than 0, got 0"),
        (
            "train: {batch_size: yes}",
            "train.batch_size: must be a whole number, got 'yes'",
        ),
        (
            "train: {early_stopping: 5}",
            "train.early_stopping: must be a mapping of keys, got 5",
        ),
        (
            "task: clasification",
            "task: expected one of regression, nonnegative, binary, multiclass, multilabel, "
            "got 'clasification'",
        ),
        (
            "model: mlpp",
            "model: expected one of linear, mlp, cnn or my_package.models:build, got 'mlpp'; "
            "did you mean mlp?",
        ),
        ("criteria: {nonsense: 1}", "criteria.nonsense: unknown key; remove it"),
        ("criteria: {draws: 200.5}", "criteria.draws: must be a whole number, got 200.5; round it"),
        ("criteria: {draws: 1}", "criteria.draws: must be at least 100, got 1; raise it"),
        (
            "train: {early_stopping: {patince: 3}}",
            "train.early_stopping.patince: unknown key; did you mean patience?",
        ),
        (
            "select: {gates: target}",
            "select.gates: must be a list, got 'target'; put it in [ ]",
        ),
        ("criteria: 3", "criteria: must be a mapping of keys, got 3"),
        ("workers: 0", "workers: must be auto or a whole number from 1, got 0"),
        ("workers: true", "workers: must be auto or a whole number from 1, got True"),
        (
            "select: {gates: [algorithm]}",
            "select.gates: algorithm needs a baseline, got none; "
            "add baseline: {algorithm: hist_gradient_boosting}",
        ),
        (
            "select: {rule: best}",
            "select.rule: expected one of one_standard_error, lowest_mean, got 'best'",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_line(read, line, problem):
    assert problems_of(read, f"{HEAD}{SPACE}{line}\n") == [f"s.yaml:5: {problem}"]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("3", "data.target: must be text or a list, got 3"),
        ("[price, 3]", "data.target[1]: must be text, got 3"),
    ],
)
def test_a_value_that_fits_no_branch_of_a_union_is_one_problem(read, target, problem):
    text = f"name: s\ndata: {{source: a.csv, target: {target}}}\n{SPACE}"

    assert problems_of(read, text) == [f"s.yaml:2: {problem}"]


@pytest.mark.parametrize(
    ("name", "dimension", "problem"),
    [
        ("units", "{int: [32, 4]}", ": low must be <= high, got [32, 4]; swap them"),
        ("units", "{int: [4]}", ".int[1]: required, got nothing; add it"),
        (
            "dropout",
            "{float: [0, 0.5], log: true}",
            ": low must be > 0 when log is true, got 0; raise it or drop log",
        ),
        (
            "l2",
            "{float: [0.1, 0.5], log: true, step: 0.1}",
            ": step and log exclude each other; drop one",
        ),
        (
            "dropout",
            "{float: [0.1, 0.5], step: -1}",
            ": step must be > 0, got -1; leave it out for every value",
        ),
        (
            "layers",
            "{int: [1, 5], step: 0}",
            ": step must be > 0, got 0; leave it out for every value",
        ),
        ("l2", "{float: [0, .inf]}", ": edges must be finite, got [0.0, inf]"),
        ("dropout", "{float: [0, 0.5], lgo: true}", ".lgo: unknown key; did you mean log?"),
        (
            "dropout",
            "{float: [0.1, 0.5], log: tru}",
            ".log: must be true or false, got 'tru'",
        ),
        (
            "layers",
            "{int: [1.5, 3]}",
            ".int[0]: must be a whole number, got 1.5",
        ),
        (
            "optimizer",
            "{choice: [adam, adam]}",
            ": choice has a value twice, got ['adam', 'adam']; list each once",
        ),
        (
            "optimizer",
            "{choice: []}",
            ": choice must have at least one value, got none; list what to try",
        ),
        (
            "optimizer",
            "{choice: [adam, 3]}",
            ": values of a choice must be of one type, got ['adam', 3]; quote them all",
        ),
        (
            "optimizer",
            "{choice: [[adam]]}",
            ".choice[0]: must be true or false, a number or text, got ['adam']",
        ),
        (
            "dropout",
            "{float: [0, 0.5], when: {layers: [[2]]}}",
            ".when.layers: must be true or false, a number or text, got [2]",
        ),
        ("layers", "{int: [1, 2, 3]}", ".int: must have 2 values, got [1, 2, 3]"),
        ("layers", "{int: 3}", ".int: must be a list, got 3; put it in [ ]"),
        ("dropout", "{flot: [0, 0.5]}", f": {DIMENSION}, got {{'flot': [0, 0.5]}}"),
        ("dropout", "[0.1, 0.2]", f": {DIMENSION}, got [0.1, 0.2]"),
        ("dropout", "", f": {DIMENSION}, got None"),
        (
            "dropout",
            "{float: [0, 1.5]}",
            ": must be in [0, 0.99], got 1.5; it is: share of units left out",
        ),
        (
            "optimizer",
            "{choice: [adam, adma]}",
            ": must be one of adam, adamw, nadam, rmsprop, sgd, adagrad, got 'adma'; "
            "it is: how steps are taken",
        ),
        (
            "batch_norm",
            "yes",
            ": must be true or false, got 'yes'; it is: batch normalization before the activation",
        ),
        ("droput", "0.1", ": mlp has no setting of this name; did you mean dropout?"),
        (
            "dropout",
            "{float: [0, 0.5], when: {layers: [2, 9]}}",
            ".when: layers can never be 9; remove it",
        ),
        (
            "dropout",
            "{float: [0, 0.5], when: {layrs: [2]}}",
            ".when: layrs is not in the space; did you mean layers?",
        ),
    ],
)
def test_an_impossible_dimension_is_refused(read, name, dimension, problem):
    other = "units: 8" if name == "layers" else "layers: {int: [1, 3]}"

    found = problems_of(read, f"{HEAD}space:\n  {other}\n  {name}: {dimension}\n")

    assert found == [f"s.yaml:5: space.{name}{problem}"]


def test_a_setting_of_another_family_is_refused(read):
    assert problems_of(read, f"{HEAD}{SPACE}model: linear\n") == [
        "s.yaml:4: space.units: linear has no setting of this name; remove it"
    ]


def test_conditions_may_not_form_a_circle(read):
    text = (
        f"{HEAD}space:\n"
        "  layers: {int: [1, 3], when: {batch_norm: [true]}}\n"
        "  batch_norm: {choice: [true, false], when: {layers: [2]}}\n"
    )

    assert problems_of(read, text) == [
        "s.yaml:3: space: conditions form a circle through layers, batch_norm; drop one `when`"
    ]


def test_a_grid_needs_finitely_many_points(read):
    text = f"{HEAD}space:\n  dropout: {{float: [0, 0.5]}}\nsearch:\n  sampler: grid\n"

    assert problems_of(read, text) == [
        "s.yaml:6: search.sampler: grid needs finitely many points, got dropout; "
        "give dimensions a step or a choice"
    ]


def test_a_split_leaves_rows_to_train_on(read):
    text = f'name: s\ndata:\n  source: "sklearn:iris"\n  split: {{cv: 0.5, test: 0.5}}\n{SPACE}'

    assert problems_of(read, text) == [
        "s.yaml:4: data.split: cv + test must be < 1, got 1; leave rows to train on"
    ]


@pytest.mark.parametrize("name", ["a/b", "'a b'", ".hidden", "../up", "''"])
def test_a_name_is_a_file_name(read, name):
    (problem,) = problems_of(read, f"name: {name}\n" + HEAD.splitlines()[1] + "\n" + SPACE)

    assert problem.startswith("s.yaml:1: name: must be letters, digits, '_', '.' and '-' alone")


@pytest.mark.parametrize(
    "name",
    ["artifacts", "Artifacts", "mlflow.db", "mlflow.db-wal", "test_ledger.jsonl", "'0'", "'2024'"],
)
def test_a_name_is_nothing_that_all_sweeps_share(read, name):
    (problem,) = problems_of(read, f"name: {name}\n" + HEAD.splitlines()[1] + "\n" + SPACE)

    assert problem.startswith(
        "s.yaml:1: name: must not be what mlruns/ holds for all sweeps (advice_ledger.jsonl, "
        "artifacts, mlflow.db, test_ledger.jsonl) nor a number alone"
    )
    assert problem.endswith("; rename it")


@pytest.mark.parametrize("name", ["digits.before", "digits.Before"])
def test_a_name_is_no_place_where_another_sweep_is_set_aside(read, name):
    (problem,) = problems_of(read, f"name: {name}\n" + HEAD.splitlines()[1] + "\n" + SPACE)

    assert problem.startswith("s.yaml:1: name: must not end in .before, where --fresh sets")
    assert problem.endswith(f"got '{name}'; rename it")


@pytest.mark.parametrize("name", ["artifacts2", "digits.before-2", "2024-07", "mlflow"])
def test_a_name_that_only_resembles_one_is_free(read, name):
    assert read(f"name: {name}\n" + HEAD.splitlines()[1] + "\n" + SPACE).name == name


def test_a_value_of_no_possible_type_is_named_with_its_line(read):
    found = problems_of(read, HEAD + SPACE + "search: {start: [{units: [8]}]}\n")

    assert all(p.startswith("s.yaml:5: search.start[0].units: must be ") for p in found)
    assert all(p.endswith("got [8]") for p in found)


def test_what_is_missing_is_said_at_the_top(read):
    assert problems_of(read, "model: mlp\n") == [
        "s.yaml:1: name: required, got nothing; add it",
        "s.yaml:1: data: required, got nothing; add it",
        "s.yaml:1: space: required, got nothing; add it",
    ]


def test_a_family_needs_something_in_its_space(read):
    (problem,) = problems_of(read, HEAD + "model: mlp\nspace: {}\n")

    assert problem == (
        "s.yaml:4: space: must hold at least one setting, got {}; "
        "add what is searched, such as learning_rate: {float: [1e-4, 1e-1], log: true}"
    )


def test_a_users_network_may_leave_its_space_empty(read):
    assert read(HEAD + "model: my_models:build\nspace: {}\n").space == {}


def test_points_of_a_space_that_is_left_to_code_wait_for_it(read):
    text = HEAD + "model: my_models:build\nsearch: {start: [{units: 8}]}\n"

    (problem,) = problems_of(read, text + "space: {layers: {int: [1, 3]}}\n")

    assert read(text).search.start == ({"units": 8},)
    assert problem == "s.yaml:4: search.start[0]: units: not in the space; remove it"


def test_all_problems_are_said_at_once_in_the_order_of_the_file(read):
    text = (
        "name: bad name\n"
        'data: {source: "sklearn:iris", splt: {cv: 0.2}}\n'
        "train: {epochs: 0}\n"
        "space:\n"
        "  units: {int: [32, 4]}\n"
        "  droput: 0.1\n"
        "search: {trials: none}\n"
    )

    found = problems_of(read, text)

    assert [problem.split(": ")[0] for problem in found] == [
        f"s.yaml:{line}" for line in (1, 2, 3, 5, 6, 7)
    ]
    assert [problem.split(": ")[1] for problem in found] == [
        "name",
        "data.splt",
        "train.epochs",
        "space.units",
        "space.droput",
        "search.trials",
    ]


def test_problems_between_keys_come_in_the_order_of_the_file_too(read):
    text = (
        f"{HEAD}"
        "space:\n"
        "  droput: 0.1\n"
        "  dropout: {float: [0, 2]}\n"
        "search: {sampler: grid}\n"
        "criteria: {nonsense: 1}\n"
    )

    found = problems_of(read, text)

    assert [problem.split(": ")[0] for problem in found] == [
        f"s.yaml:{line}" for line in (4, 5, 6, 7)
    ]


def test_numbers_are_read_as_people_write_them(read):
    text = (
        f"{HEAD}space:\n  learning_rate: {{float: [1e-4, 1E-1], log: true}}\n"
        "  l2: 1e-6\n  momentum: .5\n  weight_decay: 1.5e-3\n"
    )

    space = read(text).space

    assert space["learning_rate"].edges == (1e-4, 1e-1)
    assert (space["l2"], space["momentum"], space["weight_decay"]) == (1e-6, 0.5, 1.5e-3)


def test_true_and_false_alone_are_booleans(read):
    text = f"{HEAD}space:\n  batch_norm: {{choice: [true, False]}}\nmodel: m:on\n"

    spec = read(text)

    assert spec.space["batch_norm"].options == (True, False)
    assert read(f"name: on\n{text.partition(chr(10))[2]}").name == "on"


def test_durations_have_units(read):
    for text, seconds in [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1.5d", 129600)]:
        assert read(f"{HEAD}{SPACE}search: {{timeout: {text}}}\n").search.timeout == seconds


def test_keras_tuner_has_a_sampler_of_its_own_by_default(read):
    assert read(f"{HEAD}{SPACE}search: {{engine: keras_tuner}}\n").search.sampler == "bayesian"


def test_early_stopping_can_be_left_out(read):
    spec = read(f"{HEAD}{SPACE}train: {{early_stopping: null}}\n")

    assert spec.train.early_stopping is None


@pytest.mark.parametrize("workers", ["auto", 3])
def test_workers_are_counted_or_left_to_us(read, workers):
    assert read(f"{HEAD}{SPACE}workers: {workers}\n").workers == workers


def test_a_condition_is_a_list_of_values(read):
    text = (
        f"{HEAD}space:\n  layers: {{int: [1, 3]}}\n"
        "  units_2: {int: [4, 8], when: {layers: [2, 3]}}\n"
    )

    spec = read(text)

    assert spec.space["units_2"].when == {"layers": (2, 3)}
    assert spec.points.is_active("units_2", {"layers": 1}) is False


def test_a_start_may_leave_out_what_hangs_on_it(read):
    text = (
        f"{HEAD}space:\n  layers: {{int: [1, 3]}}\n"
        "  units_2: {int: [4, 8], when: {layers: [2]}}\n"
        "search: {start: [{units_2: 6}, {layers: 2}]}\n"
    )

    assert len(read(text).search.start) == 2


def test_python_objects_declare_what_a_file_does():
    written = Sweep(
        name="s",
        data={"source": "sklearn:iris"},
        space={
            "units": Int(4, 32, log=True),
            "dropout": Float(0.0, 0.5, step=0.1),
            "optimizer": Choice("adam", "sgd"),
            "momentum": Float(0.0, 0.9, when={"optimizer": ("sgd",)}),
            "layers": 2,
        },
    )

    assert written.spec == parse_spec(
        {
            **KEYS,
            "space": {
                "units": {"int": [4, 32], "log": True},
                "dropout": {"float": [0.0, 0.5], "step": 0.1},
                "optimizer": {"choice": ["adam", "sgd"]},
                "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
                "layers": 2,
            },
        }
    )


def test_python_keys_are_checked_without_lines():
    with pytest.raises(SpecError) as refused:
        Sweep(
            **{**KEYS, "space": {"dropout": Float(0.0, 1.5), "unit": Int(1, 2)}},
            criteria={"nonsense": 1},
        )

    assert list(refused.value.problems) == [
        "space.dropout: must be in [0, 0.99], got 1.5; it is: share of units left out",
        "space.unit: mlp has no setting of this name; did you mean units?",
        "criteria.nonsense: unknown key; remove it",
    ]


def test_a_file_gives_the_same_sweep_as_its_keys(read):
    read(HEAD + SPACE)

    from_file = Sweep.from_file("s.yaml")

    assert from_file.spec == Sweep(**KEYS).spec
    assert from_file.path == Path("s.yaml")


def test_the_settings_of_a_users_network_are_not_checked():
    spec = parse_spec({**KEYS, "model": "my.models:build", "space": {"anything": {"int": [1, 2]}}})

    assert spec.model == "my.models:build"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "sweeps").glob("*.yaml")), ids=lambda p: p.name
)
def test_every_sweep_that_is_shipped_is_one(path):
    spec = read_spec(path)

    assert spec.name == path.stem
    assert len(spec.points.dimensions) > 0


def test_keys_beside_a_spec_are_refused():
    with pytest.raises(SpecError, match=r"a spec or keys, got both \(verify, trainer\); leave one"):
        Sweep(parse_spec(KEYS), verify=2, trainer="plain")
