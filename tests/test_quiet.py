"""Loading TensorFlow is quiet, and hides nothing that is not of the loading."""

import os
import subprocess
import sys

import pytest

from sweepspot.quiet import _silent_descriptor


def test_what_is_written_meanwhile_goes_nowhere(capfd):
    with _silent_descriptor(2):
        os.write(2, b"noise")
    os.write(2, b"news")

    assert capfd.readouterr().err == "news"


def test_an_error_gives_the_descriptor_back(capfd):
    with pytest.raises(ImportError), _silent_descriptor(2):
        raise ImportError
    os.write(2, b"news")

    assert capfd.readouterr().err == "news"


@pytest.mark.tf
def test_loading_tensorflow_prints_nothing():
    code = "from sweepspot.quiet import load_tensorflow as load; load(); load()"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert loaded.stdout + loaded.stderr == b""
