"""Records of demand: what is kept of their archive, calendars, and tasks made of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from archives import tar_bytes, zip_bytes

from continuum import artifacts
from continuum.core import InvalidInputError, MissingDataError, StoreError, UntrustedArtifactError
from continuum.decisions import Newsvendor, load_demand
from continuum.decisions.recipes import RECIPES

YAZ = """date,weekday,month,year,is_holiday,is_closed,weekend,wind,clouds,rain,sunshine,temperature
2024-02-29,THU,FEB,2024,0,0,0,1.5,2,0.1,150,15.9
2024-03-01,FRI,MAR,2024,1,1,0,2.5,3,10.7,0,13.2
2024-03-02,SAT,MAR,2024,0,0,1,3.5,4,0.0,7,-1.0
"""
YAZ_TARGETS = "steak,fish\n3,6\n0,0\n8,2\n"
BAKERY = """date,weekday,month,year,is_schoolholiday,is_holiday,is_holiday_next2days,store,product,rain,temperature,\
promotion_currentweek,promotion_lastweek
2024-03-02,MON,MAR,2024,1,0,0,10,7,4.5,2.5,1,0
2024-03-01,MON,MAR,2024,1,0,0,10,7,1.5,2.0,0,0
2024-03-01,MON,MAR,2024,0,0,0,9,7,0.5,2.0,0,1
2024-03-02,MON,MAR,2024,0,0,0,9,7,0.0,2.0,0,0
"""
BAKERY_TARGETS = "demand\n102\n101\n91\n92.5\n"
ITEMS = "date,weekday,month,year,store,item\n2013-01-01,MON,JAN,2013,1,1\n2013-01-01,MON,JAN,2013,1,2\n"
ITEMS_TARGETS = "sales\n13\n11\n"


def package(**changed):
    files = {
        "yaz_data": YAZ, "yaz_target": YAZ_TARGETS, "bakery_data": BAKERY, "bakery_target": BAKERY_TARGETS,
        "SID_data": ITEMS, "SID_target": ITEMS_TARGETS,
    } | changed  # fmt: skip
    return tar_bytes(
        {f"ddop-0.7.6/ddop/datasets/data/{name}.csv": text.encode() for name, text in files.items()}, "w:gz"
    )


@pytest.fixture
def brought(cache, deliver):
    """Fetches demand from an archive, which is pinned."""

    def fetch(archive):
        deliver(archive)
        recipe = RECIPES["demand"]
        pinned = replace(recipe.archive, sha256=hashlib.sha256(archive).hexdigest())
        artifacts.fetch("demand", {"demand": replace(recipe, archive=pinned)}).replace(installed())

    return fetch


def installed():
    path = artifacts.cache_path("demand", RECIPES)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_the_client_gets_the_pinned_version(tmp_path, brought):
    brought(package())
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert "ddop==0.7.6" in call
    assert "--no-binary" in call


def test_another_archive_is_refused(cache, deliver):
    deliver(package())
    with pytest.raises(UntrustedArtifactError, match=RECIPES["demand"].archive.sha256):
        artifacts.fetch("demand", RECIPES)
    assert not list(cache.rglob("*.npz"))


def test_dishes_share_what_is_known_of_a_day(brought):
    brought(package())
    records = load_demand("yaz")
    assert repr(records) == "DemandRecords(3 days, 2 domains, 7 known)"
    assert records.domains == ("steak", "fish")
    assert records.dates.astype(str).tolist() == ["2024-02-29", "2024-03-01", "2024-03-02"]
    np.testing.assert_array_equal(records.demand, [[3, 6], [0, 0], [8, 2]])
    np.testing.assert_array_equal(records.known[:, 0], records.known[:, 1])
    closed = records.known_names.index("is_closed")
    np.testing.assert_array_equal(records.known[:, 0, closed], [0, 1, 0])


def test_shops_have_days_and_weather_of_their_own_whatever_the_order_of_the_file(brought):
    brought(package())
    records = load_demand("bakery")
    assert records.domains == ("store 9 product 7", "store 10 product 7")
    np.testing.assert_array_equal(records.demand, [[91, 101], [92.5, 102]])
    rain = records.known_names.index("rain")
    np.testing.assert_array_equal(records.known[:, :, rain], [[0.5, 1.5], [0.0, 4.5]])


def test_items_of_which_nothing_is_known_have_the_calendar(brought):
    brought(package())
    records = load_demand("store-items")
    assert records.domains == ("store 1 item 1", "store 1 item 2")
    assert records.features("store 1 item 2").shape == (1, 9)


def test_the_calendar_follows_dates(brought):
    brought(package())
    calendar = load_demand("yaz").calendar
    assert calendar[:, :7].argmax(1).tolist() == [3, 4, 5]  # Thursday, Friday, Saturday
    season = np.arctan2(calendar[:, 7], calendar[:, 8]) * 365.25 / (2 * np.pi)
    np.testing.assert_allclose(season, [59, 60, 61])


def test_a_task_is_a_domain_on_some_days(brought):
    brought(package())
    records, problem = load_demand("yaz"), Newsvendor(backorder=9, holding=1)
    data = records.task("fish", problem)
    np.testing.assert_array_equal(data.y[:, 0], [6, 0, 2])
    np.testing.assert_array_equal(data.x, records.features("fish"))
    np.testing.assert_array_equal(data.z, data.y)
    np.testing.assert_array_equal(records.task("fish", problem, days=[2, 0]).y[:, 0], [2, 6])
    with pytest.raises(InvalidInputError, match="`domain` must be one of steak, fish, got 'soup'"):
        records.task("soup", problem)
    with pytest.raises(InvalidInputError, match=r"`y` must have shape \(n, 2\)"):
        records.task("fish", Newsvendor(9, 1, items=2))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"yaz_target": "steak,fish\n3,6\n"}, "`yaz` has 3 rows of features and 1 of demand"),
        ({"bakery_data": BAKERY.replace("2024-03-02", "2024-03-03", 1)}, "`bakery` does not have one demand for each"),
        ({"SID_data": ITEMS.replace("1,2\n", "1,1\n")}, "`store-items` does not have one demand for each"),
        ({"yaz_data": YAZ.replace("2024-03-02", "2024-03-01")}, "`yaz` does not have one demand for each"),
    ],
)
def test_tables_with_gaps_are_refused_and_nothing_is_kept(cache, brought, changed, message):
    with pytest.raises(UntrustedArtifactError, match=message):
        brought(package(**changed))
    assert not list(cache.rglob("*.npz"))


def test_an_archive_without_a_table_is_refused(cache, brought):
    with pytest.raises(UntrustedArtifactError, match=r"yaz_data\.csv` is not a plain file"):
        brought(tar_bytes({"ddop-0.7.6/README": b""}, "w:gz"))


def test_absent_demand_names_the_command(cache):
    with pytest.raises(MissingDataError, match="run `continuum fetch demand`"):
        load_demand()


@pytest.mark.parametrize("data", [b"", b"no npz", zip_bytes({"yaz.dates.npy": b"no array"})])
def test_a_damaged_file_names_itself_and_the_command(cache, data):
    installed().write_bytes(data)
    with pytest.raises(StoreError, match=r"demand-def7756324fa\.npz` is damaged .* run `continuum fetch demand`"):
        load_demand()


@pytest.mark.parametrize("table", ["SID", "", None, 3])
def test_other_tables_are_refused(table):
    with pytest.raises(InvalidInputError, match="`table` must be one of yaz, bakery, store-items"):
        load_demand(table)


# Demand itself


@pytest.fixture(scope="module")
def demand():
    if not RECIPES["demand"].path.exists():
        pytest.skip("run `continuum fetch demand`")
    return {table: load_demand(table) for table in ("yaz", "bakery", "store-items")}


@pytest.mark.data
def test_there_are_as_many_days_and_domains_as_ddop_says(demand):
    shapes = {name: records.demand.shape for name, records in demand.items()}
    assert shapes == {"yaz": (765, 7), "bakery": (1215, 105), "store-items": (1826, 500)}
    assert demand["yaz"].domains == ("calamari", "fish", "shrimp", "chicken", "koefte", "lamb", "steak")
    for records in demand.values():
        assert (np.diff(records.dates).astype(int) == 1).all()
        assert np.isfinite(records.known).all()
        assert (records.demand >= 0).all()


@pytest.mark.data
def test_means_are_those_of_the_files(demand):
    # Golden: the mean of the column `demand` of the bakery and of `sales`, and of all dishes.
    means = {name: float(records.demand.mean()) for name, records in demand.items()}
    assert means == pytest.approx({"yaz": 17.820542, "bakery": 100.033499, "store-items": 52.250287}, rel=1e-6)


@pytest.mark.data
def test_nothing_is_asked_for_where_it_is_closed(demand):
    records = demand["yaz"]
    is_closed = records.known[:, 0, records.known_names.index("is_closed")] == 1
    assert is_closed.sum() == 5
    assert records.demand[is_closed].sum() == 0


@pytest.mark.data
@pytest.mark.parametrize("table", ["yaz", "store-items"])
def test_demand_follows_the_week_of_the_dates(demand, table):
    # Weeks explain something beyond chance, which a calendar that is out of step by chance would not.
    records = demand[table]
    total = records.demand.sum(1)
    week = records.calendar[:, :7]
    means = (total @ week) / week.sum(0)
    between = (week.sum(0) * (means - total.mean()) ** 2).sum() / ((total - total.mean()) ** 2).sum()
    assert between > 0.05
