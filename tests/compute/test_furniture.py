"""The furniture: which objects are kept of its archive, and which are held out."""

from __future__ import annotations

import hashlib
import lzma
from dataclasses import replace

import numpy as np
import pytest
from archives import ar_bytes, tar_bytes, zip_bytes
from solids import CORNERS, obj_text

from continuum import artifacts
from continuum.compute.furniture import CLASSES, POINTS, class_of
from continuum.compute.recipes import RECIPES
from continuum.compute.sources import load_furniture
from continuum.core import InvalidInputError, MissingDataError, StoreError, UntrustedArtifactError

# Classes


@pytest.mark.parametrize(
    ("category", "name", "label"),
    [
        ("Living room", "Sofa 2 seats", "sofa"),
        ("Vehicles", "Seat Leon", "vehicle"),
        ("Lights", "Candle", "lamp"),
        ("Lights", "Desk lamp", "lamp"),
        ("Exterior", "Outdoor lamp", "lamp"),
        ("Kitchen", "Glass door cabinet", "cabinet"),
        ("Bedroom", "Bedside table", "table"),
        ("Bedroom", "Child bed", "bed"),
        ("Miscellaneous", "Table fan", ""),
        ("Miscellaneous", "Cardboard box", ""),
        ("Miscellaneous", "Indoor bike", ""),
        ("Living room", "Indoor plant", "plant"),
        ("Living room", "Round carpet", ""),
        ("Bathroom", "Vanity", ""),
        ("Exterior", "Bended coconut tree", "plant"),
        ("Characters", "Sitting female", "person"),
        ("Characters", "Bulldog", ""),
    ],
)
def test_whole_words_decide_on_the_class(category, name, label):
    assert class_of(category, name) == label


# Fetching

LICENCES = {
    "Scopia": "CC-BY-3.0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "BlendSwap-CC-0": "CC0-1.0",
    "Reallusion": "CC-BY-3.0-US",
    "KatorLegaz": "CC-BY-3.0-US",
}


def catalogue(number, objects):
    """A catalogue of boxes; `objects` are (name, category, further properties)."""
    lines = ["# name#9=Chair", f"license=Terms  of {number}", "name=A catalogue"]
    members = {}
    for i, (name, category, more) in enumerate(objects, 1):
        model = f"models/{number}/{i}.obj"
        lines += [f"name#{i}={name}", f"category#{i}={category}", f"creator#{i}=Maker {number}", f"model#{i}=/{model}"]
        lines += [f"{key}#{i}={value}" for key, value in more.items()]
        members[model] = obj_text(CORNERS * (1, 4, 1)).encode()
    return zip_bytes({"PluginFurnitureCatalog.properties": "\r\n".join(lines).encode("latin-1"), **members})


def package(**changed):
    chairs = [("Chair", "Office", {}), ("Cup", "Kitchen", {}), ("Oak table", "Office", {})] * 5
    catalogues = {name: catalogue(number, chairs) for number, name in enumerate(LICENCES)} | changed
    tar = tar_bytes({f"./usr/share/sweethome3d/furniture/{name}.sh3f": data for name, data in catalogues.items()})
    return ar_bytes({"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(tar)})


@pytest.fixture
def brought(cache, deliver):
    """Fetches the furniture from an archive, which is pinned."""

    def fetch(archive):
        deliver(archive)
        recipe = RECIPES["furniture"]
        pinned = replace(recipe.archive, sha256=hashlib.sha256(archive).hexdigest())
        artifacts.fetch("furniture", {"furniture": replace(recipe, archive=pinned)}).replace(installed())

    return fetch


def installed():
    path = artifacts.cache_path("furniture", RECIPES)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_the_client_gets_the_pinned_version(tmp_path, brought):
    brought(package())
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert "apt-get download sweethome3d-furniture=1.8-1" in call


def test_another_archive_is_refused(cache, deliver):
    deliver(package())
    with pytest.raises(UntrustedArtifactError, match=RECIPES["furniture"].archive.sha256):
        artifacts.fetch("furniture", RECIPES)
    assert not list(cache.rglob("*.npz"))


def test_labelled_models_are_kept_with_names_authors_and_licences(brought):
    brought(package())
    everything = load_furniture("all")
    assert everything.classes == CLASSES
    assert len(everything) == 50
    assert [everything.classes[label] for label in everything.labels] == ["chair", "table"] * 25
    assert everything.names[:2] == ("Chair", "Oak table")
    assert list(dict.fromkeys(everything.authors)) == [f"Maker {number}" for number in range(5)]
    expected = [f"{licence} (Terms of {number})" for number, licence in enumerate(LICENCES.values())]
    assert list(dict.fromkeys(everything.licences)) == expected


def test_clouds_are_centred_in_the_unit_ball_and_differ_from_model_to_model(brought):
    brought(package())
    points = load_furniture("all").points
    assert points.shape == (50, POINTS, 3)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(1), 1, rtol=1e-6)
    assert len(np.unique(points[:, 0], axis=0)) == 50


def test_a_model_is_set_upright_by_its_rotation(brought):
    lying = {"modelRotation": "0 -1 0 1 0 0 0 0 1"}  # y goes to -x, x to y
    brought(package(Scopia=catalogue(0, [("Chair", "Office", {}), ("Chair", "Office", lying)])))
    upright, turned = load_furniture("all").points[:2]
    assert np.ptp(upright, axis=0).argmax() == 1
    assert np.ptp(turned, axis=0).argmax() == 0


def test_points_of_a_model_do_not_depend_on_the_others(brought):
    brought(package())
    before = load_furniture("all").points[-1]
    brought(package(Scopia=catalogue(0, [])))
    np.testing.assert_array_equal(load_furniture("all").points[-1], before)


def test_a_broken_mesh_is_named_and_leaves_nothing(cache, brought):
    properties = b"name#1=Chair\ncategory#1=Office\ncreator#1=A\nmodel#1=/a/chair.obj\n"
    broken = zip_bytes({"PluginFurnitureCatalog.properties": properties, "a/chair.obj": b"v 1 2"})
    with pytest.raises(InvalidInputError, match=r"line 1 of `a/chair\.obj`"):
        brought(package(Scopia=broken))
    assert not list(cache.rglob("*.npz"))


# Loading


def test_splits_are_disjoint_and_exhaustive_with_a_fifth_of_every_class_held_out(brought):
    brought(package())
    whole, train, test = (load_furniture(split) for split in ("all", "train", "test"))
    keys = [sorted(points.tobytes() for points in part.points) for part in (whole, train, test)]
    assert sorted(keys[1] + keys[2]) == keys[0]
    assert np.bincount(test.labels).tolist() == np.round(np.bincount(whole.labels) / 5).astype(int).tolist()
    for part in (train, test):
        assert len(part) == len(part.labels) == len(part.names) == len(part.authors) == len(part.licences)


def test_absent_furniture_names_the_command(cache):
    with pytest.raises(MissingDataError, match="run `continuum fetch furniture`"):
        load_furniture()


@pytest.mark.parametrize("data", [b"", b"no npz", zip_bytes({"points.npy": b"no array"})])
def test_a_damaged_file_names_itself_and_the_command(cache, data):
    installed().write_bytes(data)
    with pytest.raises(StoreError, match=r"furniture-3ccb90c63f95\.npz` is damaged .* run `continuum fetch furniture`"):
        load_furniture()


def test_a_file_without_an_array_is_damaged(cache):
    np.savez(installed(), points=np.zeros((1, 2, 3)))
    with pytest.raises(StoreError, match="is damaged"):
        load_furniture()


@pytest.mark.parametrize("split", ["val", "", None, 3])
def test_other_splits_are_refused(split):
    with pytest.raises(InvalidInputError, match="`split` must be one of train, test, all"):
        load_furniture(split)


# The furniture itself


@pytest.fixture(scope="module")
def furniture():
    if not RECIPES["furniture"].path.exists():
        pytest.skip("run `continuum fetch furniture`")
    return load_furniture("all")


@pytest.mark.data
def test_there_are_367_objects_of_eleven_classes(furniture):
    counts = dict(zip(furniture.classes, np.bincount(furniture.labels).tolist(), strict=True))
    assert counts == {
        "bed": 16, "cabinet": 33, "chair": 72, "door": 17, "lamp": 36, "person": 29, "plant": 43, "sofa": 23,
        "table": 51, "vehicle": 30, "window": 17,
    }  # fmt: skip
    assert furniture.points.shape == (367, 2048, 3)
    assert np.isfinite(furniture.points).all()


@pytest.mark.data
def test_no_two_objects_are_the_same_up_to_where_points_fell(furniture):
    spread = np.sort(np.linalg.norm(furniture.points, axis=2), axis=1)[:, ::64]
    apart = np.abs(spread[:, None] - spread[None]).max(-1) + np.eye(len(spread))
    assert apart.min() > 1e-3


@pytest.mark.data
def test_the_split_of_the_furniture_never_changes(furniture):
    # Golden: the held-out objects on the day when the split was defined (numpy 2.4.6).
    test = load_furniture("test")
    assert len(test) == 73
    assert hashlib.sha256("\n".join(test.names).encode()).hexdigest()[:16] == "6a5deae430cbcf0a"


@pytest.mark.data
def test_every_object_has_an_author_and_a_creative_commons_licence(furniture):
    assert all(furniture.authors)
    assert {licence.split(" ")[0] for licence in furniture.licences} == set(LICENCES.values())


@pytest.mark.data
def test_people_who_stand_are_higher_than_wide(furniture):
    standing = np.isin(furniture.names, ["Male", "Female"])
    assert standing.sum() == 8
    assert (np.ptp(furniture.points[standing], axis=1).argmax(1) == 1).all()
