import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sweepspot.data import Split, Task, TrainingData
from sweepspot.executors.sharing import read_shared, write_shared


def data(rows):
    rng = np.random.default_rng(rows)
    split = Split(
        X=rng.random((rows, 3), dtype=np.float32), y=rng.integers(3, size=rows, dtype=np.int32)
    )
    return TrainingData(
        train=split,
        cv=split,
        task=Task.MULTICLASS,
        n_outputs=3,
        error_scale=1.0,
        kept_train=np.arange(rows),
        kept_cv=np.arange(rows),
    )


@given(rows=st.integers(0, 200))
def test_training_data_are_read_back_as_they_were(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("shared") / "data.bin"
    written = data(rows)

    write_shared(written, path)
    read = read_shared(path)

    for name in ("X", "y"):
        for split in ("train", "cv"):
            before, after = (
                getattr(getattr(written, split), name),
                getattr(getattr(read, split), name),
            )
            assert np.array_equal(before, after)
            assert before.dtype == after.dtype
    assert (read.task, read.n_outputs, read.error_scale) == (Task.MULTICLASS, 3, 1.0)


def test_arrays_lie_in_the_file_and_what_is_written_to_them_does_not(tmp_path):
    path = tmp_path / "data.bin"
    write_shared(data(100), path)
    X = read_shared(path).train.X
    before = X.copy()

    X[:] = 0

    assert not X.flags.owndata
    assert X.ctypes.data % 64 == 0
    np.testing.assert_array_equal(read_shared(path).train.X, before)
