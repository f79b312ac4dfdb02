import json
import math
import os
import sqlite3
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continuum import Interval, Metric, Results, evaluate, from_function
from continuum.core import ContinuumWarning, StoreError
from continuum.harness import status
from continuum.harness.records import Record, Row, Study
from continuum.harness.store import Store

LINE = from_function(Interval(), lambda t: np.full(3, t))
MEAN = Metric("mean", lambda x: x.mean())


@pytest.fixture
def file(tmp_path):
    """A store with one finished study."""
    evaluate(LINE, MEAN, points=5, store=tmp_path / "s.db")
    return tmp_path / "s.db"


def execute(file, statement, *arguments):
    db = sqlite3.connect(file)
    with db:
        db.execute(statement, arguments)
    db.close()


def run(code: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


# --- laws of a healthy store -----------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]))
record_lists = st.lists(
    st.builds(
        Record,
        key=texts,
        value=st.floats(allow_nan=True, allow_infinity=True),
        error=st.none() | texts,
        trace=st.none() | texts,
        build_s=st.floats(0, 1e9),
        metric_s=st.floats(0, 1e9),
    ),
    unique_by=lambda record: record.key,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(record_lists)
def test_what_is_read_is_what_was_written(records):
    with Store.create(None) as store:
        store.write(records, run=4)
        read = store.records([record.key for record in records])
    assert [repr(replace(read[r.key], value=0.0, run=0)) for r in records] == [
        repr(replace(r, value=0.0)) for r in records
    ]
    np.testing.assert_array_equal([read[r.key].value for r in records], [r.value for r in records])
    assert all(record.run == 4 for record in read.values())


def test_the_first_number_stays_and_a_failure_gives_way():
    with Store.create(None) as store:
        for record in (Record("k", math.nan, "E: x"), Record("k", 1.0), Record("k", 2.0), Record("k", math.nan, "E")):
            store.write([record], run=1)
            seen = store.records(["k"])["k"]
            assert (seen.error, seen.value) == (None, 1.0) if record.error is None else seen.error or seen.value == 1.0


def test_a_study_is_read_as_it_was_planned_and_replaced_by_name():
    rows = (
        Row("k", "path", "path", (0.1, 1 / 3), "m", 2**62, None, ""),
        Row("r", "ref", "reference", (), "m", 0, "max", "s"),
    )
    with Store.create(None) as store:
        for name, some in (("a", rows), ("b", rows[:1]), ("a", rows[1:])):
            store.plan(Study(name, ("x", "y"), some), {})
        assert store.studies() == (Study("a", ("x", "y"), rows[1:]), Study("b", ("x", "y"), rows[:1]))


def test_many_keys_are_read_in_chunks():
    keys = [f"{i}" for i in range(25_000)]
    with Store.create(None) as store:
        store.write([Record(key, float(key)) for key in keys], run=1)
        read = store.records(keys)
    assert [read[key].value for key in keys] == [float(key) for key in keys]


def test_a_transaction_that_fails_leaves_nothing(file):
    before = Results.load(file).frame
    with Store.create(file) as store, pytest.raises(StoreError):
        store.write([Record("new", 1.0), Record(None, 1.0, build_s=None)], run=1)  # type: ignore[arg-type]
    with Store.read(file) as store:
        assert store.records(["new"]) == {}
    assert Results.load(file).frame.equals(before)


def test_the_file_holds_no_pickle_no_nan_json_and_no_home_folder(file):
    db = sqlite3.connect(file)
    cells = [
        cell
        for table in ("run", "record", "study", "member")
        for row in db.execute(f"SELECT * FROM {table}")
        for cell in row
    ]
    assert not any(isinstance(cell, bytes) for cell in cells)
    for text in (cell for (cell,) in db.execute("SELECT provenance FROM run")):
        json.loads(text, parse_constant=pytest.fail)
    assert not any(str(Path.home()) + "/" in cell for cell in cells if isinstance(cell, str))


# --- damage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    ["value = value + 1e-9", "value = 'text'", "value = NULL", "error = 'made up'", "metric_s = -1", "checksum = 0"],
)
def test_a_damaged_record_counts_as_missing_and_is_computed_again(file, damage):
    good = Results.load(file)
    execute(file, f"UPDATE record SET {damage} WHERE key = (SELECT key FROM member WHERE position = 2)")
    with pytest.warns(ContinuumWarning, match=r"1 damaged record") as caught:
        partial = Results.load(file)
    assert len(caught) == 1
    assert (len(partial.frame), partial.missing) == (4, 1)
    with pytest.warns(ContinuumWarning, match=r"1 damaged record") as caught:
        mended = evaluate(LINE, MEAN, points=5, store=file)
    assert len(caught) == 1
    assert mended.frame["value"].equals(good.frame["value"])
    assert Results.load(file).missing == 0


def test_a_flipped_byte_anywhere_is_never_a_crash_and_never_a_wrong_number(file):
    truth = {row.t: row.value for row in Results.load(file).frame.itertuples()}
    original = file.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(100, len(original), size=150):
        data = bytearray(original)
        data[position] ^= 1 << rng.integers(8)
        file.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ContinuumWarning)
            try:
                frame = Results.load(file).frame
            except StoreError:
                continue
        assert all(truth[row.t] == row.value for row in frame.itertuples())


@pytest.mark.parametrize("content", [b"just text, and quite a lot of it " * 100, b"\x00" * 5000, b"PK\x03\x04" * 999])
def test_a_file_of_another_kind_is_refused_and_kept(tmp_path, content):
    file = tmp_path / "thesis.txt"
    file.write_bytes(content)
    for use in (Results.load, status, lambda f: evaluate(LINE, MEAN, store=f)):
        with pytest.raises(StoreError, match=r"thesis\.txt.*name another file"):
            use(file)
    assert file.read_bytes() == content


def test_another_database_is_refused_and_kept(tmp_path):
    file = tmp_path / "photos.db"
    execute(file, "CREATE TABLE meta (photo TEXT)")
    before = file.read_bytes()
    for use in (Results.load, lambda f: evaluate(LINE, MEAN, store=f)):
        with pytest.raises(StoreError, match="not a result store"):
            use(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("keep", [10, 100, 5000, -4096])
def test_a_truncated_file_is_a_store_error(file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"s\.db"):
        Results.load(file)


def test_an_empty_file_is_filled_but_not_read(tmp_path):
    file = tmp_path / "s.db"
    file.touch()
    with pytest.raises(StoreError, match="empty"):
        Results.load(file)
    assert len(evaluate(LINE, MEAN, points=3, store=file).frame) == 3


@pytest.mark.parametrize(
    ("version", "remedy"), [("2", "upgrade continuum"), ("0", "another file"), ("x", "another file")]
)
def test_another_schema_is_refused_and_the_file_kept(file, version, remedy):
    execute(file, "UPDATE meta SET value = ? WHERE name = 'schema'", version)
    before = file.read_bytes()
    for use in (Results.load, lambda f: evaluate(LINE, MEAN, points=9, store=f)):
        with pytest.raises(StoreError, match=remedy):
            use(file)
    assert file.read_bytes() == before


def test_a_damaged_plan_is_named_and_renewed(file):
    execute(file, "UPDATE member SET label = 'another' WHERE position = 0")
    with pytest.raises(StoreError, match="call `evaluate` again"):
        Results.load(file)
    evaluate(LINE, MEAN, points=5, store=file)
    assert len(Results.load(file).frame) == 5


@pytest.mark.parametrize("statement", ["UPDATE run SET provenance = '{'", "UPDATE study SET axes = '[\"u\"]'"])
def test_damaged_json_is_a_store_error(file, statement):
    execute(file, statement)
    with pytest.raises(StoreError, match="damaged"):
        Results.load(file)


# --- places where nothing can be written -------------------------------------------------------------------------


def test_a_missing_folder_is_named_with_its_remedy(tmp_path, file):
    for place in (tmp_path / "no" / "s.db", file / "s.db", Path("/dev/null/s.db")):
        with pytest.raises(StoreError, match=r"s\.db.*folder must exist"):
            evaluate(LINE, MEAN, store=place)
        with pytest.raises(StoreError, match="no result store"):
            Results.load(place)
    with pytest.raises(StoreError):
        evaluate(LINE, MEAN, store=tmp_path)


READ_AS_NOBODY = """
import os, sys
from continuum import Interval, Results, evaluate, from_function
import continuum.harness
from continuum.core import StoreError
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
print(len(Results.load(sys.argv[1]).frame))
try:
    evaluate(from_function(Interval(), float), {"id": float}, store=sys.argv[1], progress=False)
except StoreError as error:
    print(error)
"""


def test_a_read_only_file_in_a_read_only_folder_can_be_reported(tmp_path_factory):
    # A folder of its own: pytest's are closed to other users, and this test becomes another user if it is root.
    folder = Path("/tmp") / f"continuum-{os.getpid()}"
    folder.mkdir()
    try:
        evaluate(LINE, MEAN, points=5, store=folder / "s.db")
        (folder / "s.db").chmod(0o444)
        folder.chmod(0o555)
        answer = run(READ_AS_NOBODY, folder / "s.db")
        assert answer.stdout.splitlines()[0] == "5", answer.stderr
        assert "make the file and its folder writable" in answer.stdout
    finally:
        folder.chmod(0o755)
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()


FULL_DISK = """
import resource, signal, sys
from continuum import Interval, evaluate, from_function
from continuum.core import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
line = from_function(Interval(), float)
evaluate(line, {"id": float}, points=5, store=sys.argv[1], name="before")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    evaluate(line, {"id": float}, points=2001, store=sys.argv[1], name="after")
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_a_store_error_and_what_was_stored_is_intact(tmp_path):
    answer = run(FULL_DISK, tmp_path / "s.db")
    assert "what was stored before is intact" in answer.stdout, answer.stderr
    assert len(Results.load(tmp_path / "s.db", study="before").frame) == 5
    line = from_function(Interval(), float)
    assert len(evaluate(line, {"id": float}, points=2001, store=tmp_path / "s.db", name="after").frame) == 2001
