"""Arrays become tensors in their own memory, where TensorFlow can use it as it lies."""

import gc
import weakref

import numpy as np
import pytest

from sweepspot.executors.sharing import read_shared, write_shared

pytestmark = pytest.mark.tf


@pytest.fixture(autouse=True)
def no_gpu():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("tensors on a GPU are copies")


def aligned(shape, dtype=np.float32):
    """Return zeros that begin where tensors do."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def shares(array):
    """Tell whether what is written into the array is seen in its tensor."""
    from sweepspot.training.arrays import as_tensor

    tensor = as_tensor(array)
    array.reshape(-1)[0] = 7
    return tensor.numpy().reshape(-1)[0] == 7


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_an_aligned_array_is_not_copied(dtype):
    assert shares(aligned((5, 3), dtype))


@pytest.mark.parametrize(
    "array", [aligned(20)[1:], aligned((4, 16)).T], ids=["not aligned", "another order"]
)
def test_what_tensorflow_cannot_use_is_copied(array):
    assert not shares(array)


@pytest.mark.parametrize("shape", [(0, 3), (4, 3)])
def test_empty_and_read_only_arrays_are_taken_too(shape):
    from sweepspot.training.arrays import as_tensor

    array = aligned(shape)
    array.flags.writeable = False

    np.testing.assert_array_equal(as_tensor(array), array)


def test_the_memory_lives_as_long_as_the_tensor():
    from sweepspot.training.arrays import as_tensor

    array = aligned((1000, 100))
    array[:] = np.arange(100)
    memory, expected = weakref.ref(array.base), array.copy()
    tensor = as_tensor(array)

    del array
    gc.collect()

    assert memory() is not None
    np.testing.assert_array_equal(tensor, expected)
    del tensor
    gc.collect()
    assert memory() is None


def test_what_is_mapped_from_a_file_is_not_copied(tmp_path):
    write_shared({"X": aligned((100, 3)), "y": aligned(100, np.int32)}, tmp_path / "data.bin")

    read = read_shared(tmp_path / "data.bin")

    assert [shares(array) for array in read.values()] == [True, True]
