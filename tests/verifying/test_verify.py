"""Verifications of real trainings: a planted step that helps is right, and nothing counts twice."""

import json
import shutil
import signal
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweepspot.advice_ledger import AdviceLedger, AdviceOutcome
from sweepspot.cli import main
from sweepspot.datasets.baselines import naive
from sweepspot.diagnosis import Label
from sweepspot.errors import TrackingError, TrialError
from sweepspot.executors import make_executor
from sweepspot.journal import Journal
from sweepspot.sweep import Sweep
from sweepspot.tracking.lookup import annotate_trial
from sweepspot.verifying import Verifier, find_trial, prescribe

pytestmark = [
    pytest.mark.tf,
    pytest.mark.slow,
    # TensorFlow and MLflow warn about one another, none of it ours.
    pytest.mark.filterwarnings("ignore"),
]

# Three hidden units for ten digits are too few, and all else is as in the trials that are wide.
NARROW = """\
name: narrow
data: {source: "sklearn:digits"}
space:
  layers: 1
  units: {int: [3, 64]}
  learning_rate: 0.01
train: {epochs: 20, early_stopping: null}
search: {trials: 5, start: [{units: 3}, {units: 40}, {units: 48}, {units: 56}, {units: 64}]}
baseline: {target_error: 0.05}
select: {finalists: 1, repeats: 1}
workers: 1
"""
LEDGER = Path("mlruns/advice_ledger.jsonl")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A project in which the sweep has been run."""
    folder = tmp_path_factory.mktemp("swept") / "project"
    (folder / "sweeps").mkdir(parents=True)
    (folder / "sweeps" / "narrow.yaml").write_text(NARROW, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        result = Sweep.from_file("sweeps/narrow.yaml").run()
        assert result.diagnosis["#000"].label is Label.HIGH_BIAS, result.diagnosis["#000"]
    return folder


@pytest.fixture
def project(swept, tmp_path, monkeypatch):
    """A copy of the project, as the working directory; its tracked runs are the original's."""
    folder = tmp_path / "project"
    shutil.copytree(swept, folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder)
    before = signal.getsignal(signal.SIGTERM)
    yield folder
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def call(project, monkeypatch, capsys):
    """Return a function that runs a command line: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweepspot", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def journal_of(project):
    (found,) = (project / "mlruns" / "narrow" / "verified").glob("*/journal.jsonl")
    return found


def tags_of(project, number):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{project}/mlruns/mlflow.db")
    everywhere = [e.experiment_id for e in client.search_experiments()]
    where = f"tags.`sweepspot.number` = '{number}' AND tags.`sweepspot.kind` = 'trial'"
    (run,) = client.search_runs(everywhere, where)
    return run.info.run_id, run.data.tags


def test_a_step_that_helps_is_right_and_counts_once(call, project):
    code, out, err = call("verify", "narrow#0", "--repeats", "2", "--json")

    answer = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert (answer["outcome"], answer["step"]) == ("right", "units: 3 -> 9")
    assert answer["opposite"] == "units: 3 -> 1"
    assert answer["J_cv"]["prescribed"] < answer["J_cv"]["as it was"] < answer["J_cv"]["opposite"]
    assert answer["change"]["high"] < 0
    assert answer["advice"] == {"right": 1, "wrong": 0, "no_difference": 0}

    run_id, tags = tags_of(project, 0)
    assert tags["sweepspot.advice"] == "right"
    assert tags["sweepspot.advice_step"] == "units: 3 -> 9"
    assert tags["mlflow.note.content"].startswith("**high_bias**")
    assert (
        "**Advice right**: units: 3 -> 9 was tried on 2 fresh seeds"
        in (tags["mlflow.note.content"])
    )

    lines, trained = LEDGER.read_bytes(), journal_of(project).read_bytes()
    code, out, _ = call("verify", run_id, "--repeats", "2")

    assert code == 0
    assert "verified before; nothing is trained or counted again" in out
    assert "answer      right: the prescribed step lowered J_cv by" in out
    assert "so far      the advice was right 1 time of 1, in this project" in out
    assert (LEDGER.read_bytes(), journal_of(project).read_bytes()) == (lines, trained)


def test_an_interrupted_verification_goes_on_and_takes_more_seeds(project):
    trial = find_trial("narrow/0")
    prescription = prescribe(trial.result, trial.verdict, "narrow/0")
    ledger = AdviceLedger(LEDGER)
    heard = []

    def verifier(stops_at=None):
        def hear(arm, result, done, of):
            heard.append((arm.name, result.trial.repeat, result.J_cv, done, of))
            if done == stops_at:
                raise KeyboardInterrupt

        return Verifier(
            trial.spec,
            trial.dataset,
            trial.folder,
            naive=naive(trial.dataset.training),
            ledger=ledger,
            hear=hear,
        )

    executor = make_executor(trial.spec, trial.dataset.training, trial.folder)
    with pytest.raises(KeyboardInterrupt):
        verifier(stops_at=4).verify(prescription, lambda: executor, 2)
    executor.close()
    first, before = list(heard), journal_of(project).read_bytes()
    heard.clear()
    assert ledger.answers() == []

    executor = make_executor(trial.spec, trial.dataset.training, trial.folder)
    answer = verifier().verify(prescription, lambda: executor, 2)

    assert [h[:2] for h in heard] == [
        (name, k) for k in (1, 2) for name in ("as it was", "prescribed", "opposite")
    ]
    assert heard[:4] == [(*h[:3], done, 6) for done, h in enumerate(first, start=1)]
    assert journal_of(project).read_bytes().startswith(before)
    assert answer.outcome is AdviceOutcome.RIGHT
    assert verifier().verify(prescription, _nothing_to_train, 2) == answer

    more = verifier().verify(prescription, lambda: executor, 3)
    executor.close()

    assert (more.question, more.repeats) == (answer.question, 3)
    assert ledger.answers() == [more]
    with Journal(journal_of(project).parent) as journal:
        assert len(journal.repeats) == 9
        seeds = {(r.trial.seed, r.trial.repeat) for r in journal.repeats.values()}
    assert len(seeds) == 3
    with Journal(trial.folder) as journal:
        swept = {r.trial.seed for r in [*journal.results.values(), *journal.repeats.values()]}
    assert not swept & {seed for seed, _ in seeds}


def _nothing_to_train():
    raise AssertionError("everything is trained")


def test_the_same_step_the_other_way_is_wrong(project):
    trial = find_trial("narrow#0")
    prescription = prescribe(trial.result, trial.verdict, "narrow#0")
    step = prescription.step
    swapped = replace(
        prescription, step=replace(step, proposed=step.opposite, opposite=step.proposed)
    )
    verifier = Verifier(
        trial.spec,
        trial.dataset,
        trial.folder,
        naive=naive(trial.dataset.training),
        ledger=AdviceLedger(LEDGER),
        hear=lambda arm, result, done, of: None,
    )

    with closing(make_executor(trial.spec, trial.dataset.training, trial.folder)) as executor:
        answer = verifier.verify(swapped, lambda: executor, 2)

    assert answer.outcome is AdviceOutcome.WRONG
    assert answer.change.low > 0
    assert "the opposite step did better by" in answer.because


def test_trainings_that_fail_count_as_the_constant_guess(project):
    trial = find_trial("narrow#0")
    prescription = prescribe(trial.result, trial.verdict, "narrow#0")
    guess = naive(trial.dataset.training)
    # Every step overshoots: the loss leaves the range of numbers.
    step = replace(
        prescription.step,
        parameter="learning_rate",
        key="space.learning_rate",
        proposed=0.01,
        opposite=1000.0,
    )
    spec = trial.spec.model_copy(update={"trainer": "plain"})
    params = {**prescription.params, "optimizer": "sgd", "activation": "elu"}
    diverging = replace(prescription, step=step, params=params)
    verifier = Verifier(
        spec,
        trial.dataset,
        trial.folder,
        naive=guess,
        ledger=AdviceLedger(LEDGER),
        hear=lambda arm, result, done, of: None,
    )

    with closing(make_executor(spec, trial.dataset.training, trial.folder)) as executor:
        answer = verifier.verify(diverging, lambda: executor, 2)

    assert answer.failed == {"opposite": 2}
    assert answer.J_cv["opposite"] == pytest.approx(float(guess.cv_losses.mean()), rel=1e-6)


def test_a_step_that_cannot_be_trained_has_no_answer(project):
    trial = find_trial("narrow#0")
    prescription = prescribe(trial.result, trial.verdict, "narrow#0")
    impossible = replace(prescription, step=replace(prescription.step, proposed=-3, opposite=None))
    ledger = AdviceLedger(LEDGER)
    verifier = Verifier(
        trial.spec,
        trial.dataset,
        trial.folder,
        naive=naive(trial.dataset.training),
        ledger=ledger,
        hear=lambda arm, result, done, of: None,
    )
    executor = make_executor(trial.spec, trial.dataset.training, trial.folder)

    with pytest.raises(TrialError, match=r"#000: units: 3 -> 9 must be trainable, got ValueError"):
        verifier.verify(impossible, lambda: executor, 2)

    executor.close()
    assert ledger.answers() == []


def test_the_sweep_verifies_its_best_and_says_how_often_it_was_right(call, project):
    file = project / "sweeps" / "narrow.yaml"
    file.write_text(NARROW + "verify: 3\n", encoding="utf-8")

    code, out, _ = call("run", "sweeps/narrow.yaml")

    assert code == 0
    assert "verifying the advice for #000, high_bias: units: 3 -> 9" in out
    assert "#000 right: the prescribed step lowered J_cv by" in out
    assert "so far    the advice was right 1 time of 1, in this project" in out
    page = (project / "mlruns" / "narrow" / "report.html").read_text(encoding="utf-8")
    assert "Was the advice right?" in page
    assert "In this project the advice was right 1 time of 1." in page

    lines = LEDGER.read_bytes()
    code, out, _ = call("run", "sweeps/narrow.yaml", "--json")

    assert json.loads(out)["advice"] == {"right": 1, "wrong": 0, "no_difference": 0}
    assert LEDGER.read_bytes() == lines
    _, tags = tags_of(project, 0)
    assert tags["sweepspot.advice"] == "right"
    assert "**Advice right**" in tags["mlflow.note.content"]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("wide#0", "wide#0: must name a sweep that was run here, got 'wide'; there are narrow"),
        ("narrow#99", "narrow#99: must be a trial that has ended, #000 to #004, got #099;"),
        ("narrow", "narrow: must be SWEEP#NUMBER, as digits#17, or the id of a trial's run"),
        ("0" * 32, "must be a run in the store at sqlite:///"),
        ("narrow#4", "narrow#4: must have a label that prescribes a step, got "),
    ],
)
def test_what_cannot_be_verified_is_one_line(call, run, words):
    code, out, err = call("verify", run)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not LEDGER.exists()


def test_a_run_that_is_no_trial_is_refused(call, project):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{project}/mlruns/mlflow.db")
    everywhere = [e.experiment_id for e in client.search_experiments()]
    (parent,) = client.search_runs(everywhere, "tags.`sweepspot.kind` = 'sweep'")

    code, _, err = call("verify", parent.info.run_id)

    assert code == 2
    assert "must be the run of a trial, got one of kind 'sweep'" in err


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("epochs: 20", "epochs: 21", "narrow#0: train must be as when mlruns"),
        ("sklearn:digits", "sklearn:wine", "data must be as when mlruns"),
    ],
)
def test_a_changed_file_is_said(call, project, before, after, words):
    file = project / "sweeps" / "narrow.yaml"
    file.write_text(NARROW.replace(before, after), encoding="utf-8")

    code, _, err = call("verify", "narrow#0")

    assert (code, err.count("\n")) == (2, 1)
    assert words in err


def test_a_file_that_is_gone_is_said(call, project):
    (project / "sweeps" / "narrow.yaml").unlink()

    code, _, err = call("verify", "narrow#0")

    assert code == 2
    assert "narrow#0: its sweep file must be at sweeps/narrow.yaml, got no such file" in err


def with_note(project, value):
    """Journal another place of the sweep file, or none at all."""
    path = project / "mlruns" / "narrow" / "journal.jsonl"
    lines = [line for line in path.read_text().splitlines() if '"name":"file"' not in line]
    if value is not ...:
        lines.append(json.dumps({"event": "note", "name": "file", "value": value}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_journal_of_an_earlier_version_is_said(call, project):
    with_note(project, ...)

    code, _, err = call("verify", "narrow#0")

    assert code == 2
    assert "run sweepspot run on the file once more, which adds it" in err


def test_a_sweep_declared_in_python_needs_no_file(project):
    with_note(project, None)
    (project / "sweeps" / "narrow.yaml").unlink()

    trial = find_trial("narrow#0")

    assert (trial.name, trial.verdict.label) == ("narrow#000", Label.HIGH_BIAS)


def test_a_store_that_is_away_loses_nothing(call, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")

    code, out, _ = call("verify", "narrow#0", "--repeats", "2")

    assert code == 0
    assert "answer      right" in out
    assert "not sent    tracking: " in out
    assert "the next sweepspot run of this sweep sends it" in out
    assert len(AdviceLedger(LEDGER).answers()) == 1


def test_a_run_that_is_not_in_the_store_is_refused(project):
    with pytest.raises(TrackingError, match="has no run of this trial"):
        annotate_trial("nobody", 0, tags={}, description="")


def test_a_verification_that_another_process_is_at_fails_no_sweep(call, project):
    file = project / "sweeps" / "narrow.yaml"
    file.write_text(NARROW + "verify: 1\n", encoding="utf-8")
    call("verify", "narrow#0", "--repeats", "2")
    LEDGER.unlink()

    with Journal(journal_of(project).parent):
        code, out, _ = call("run", "sweeps/narrow.yaml")

    assert code == 0
    assert "#000 is not verified: " in out
    assert "only one driver at a time" in out
