"""A pickled array comes back; a pickle that asks for anything else does not get to run it."""

from __future__ import annotations

import builtins
import os
import pickle

import numpy as np
import pytest

from continuum.core.errors import UntrustedArtifactError
from continuum.datasets.restricted_pickle import load_array


class Canary:
    """Calls `function(*args)` when it is unpickled the usual way."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def payloads(canary):
    command = f"open({str(canary)!r}, 'w').close()"
    return {
        "os.system": Canary(os.system, f"touch {canary}"),
        "builtins.eval": Canary(builtins.eval, command),
        "builtins.exec": Canary(builtins.exec, command),
        "builtins.getattr": Canary(getattr, "", "join"),
        "numpy.load": Canary(np.load, str(canary)),
    }


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
@pytest.mark.parametrize("protocol", [3, 4])
def test_an_array_of_numbers_comes_back(dtype, protocol):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    loaded = load_array(pickle.dumps(array, protocol))
    assert loaded.dtype == dtype
    np.testing.assert_array_equal(loaded, array)


def test_the_name_of_the_first_numpy_still_works():
    data = pickle.dumps(np.arange(5), 3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(load_array(data), np.arange(5))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "builtins.exec", "builtins.getattr", "numpy.load"])
@pytest.mark.parametrize("wrap", [lambda payload: payload, lambda payload: np.array([payload, None], object)])
def test_a_payload_is_refused_and_does_not_run(tmp_path, name, protocol, wrap):
    canary = tmp_path / "canary"
    data = pickle.dumps(wrap(payloads(canary)[name]), protocol)
    with pytest.raises(UntrustedArtifactError, match="asks for"):
        load_array(data, where="animals")
    assert not canary.exists()


def test_the_canary_would_have_run_in_plain_pickle(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(payloads(canary)["builtins.eval"]))
    assert canary.exists()


def test_the_error_names_the_file_and_what_it_asked_for(tmp_path):
    data = pickle.dumps(payloads(tmp_path)["builtins.eval"])
    with pytest.raises(UntrustedArtifactError, match=r"`animals`: the pickle asks for `builtins\.eval`"):
        load_array(data, where="animals")


@pytest.mark.parametrize("value", [[1, 2], "text", {"x": 1}, np.array([1, "a"], object), np.array(["a"])])
def test_anything_but_an_array_of_numbers_is_refused(value):
    with pytest.raises(UntrustedArtifactError):
        load_array(pickle.dumps(value, 4))


@pytest.mark.parametrize("keep", [0, 1, 40, 100, -1])
def test_a_damaged_pickle_is_refused(keep):
    with pytest.raises(UntrustedArtifactError, match="not a whole pickle"):
        load_array(pickle.dumps(np.arange(100), 4)[:keep])
