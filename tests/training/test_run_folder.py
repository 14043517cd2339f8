"""What a run was started with, and what may change when it is resumed."""

import json
import os
import shutil

import pytest

from ganzoo.errors import InvalidRequestError, OutputError, RunError, UnknownNameError
from ganzoo.sharing.card import _training_command as training_command
from ganzoo.training.plan import make_plan
from ganzoo.training.run_folder import check_folder, read_resources, resumed_plan, write_plan, write_resources

SMALL = {"resolution": 16, "generator_width": 8}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run on ``photos``, started in the folder that is current."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    started(tmp_path / "run", "photos")
    return tmp_path / "run"


def started(folder, data, **options):
    plan = make_plan("dcgan", data, config=SMALL, batch_size=4, regularizers={"r1": 1}, **options)
    write_plan(folder, plan)
    write_resources(folder, plan, {"device": "cpu", "workers": 2})
    return plan


def test_nothing_needs_to_be_given(folder):
    plan = make_plan("dcgan", "photos", config=SMALL, batch_size=4, regularizers={"r1": 1})
    assert resumed_plan(folder) == plan
    assert resumed_plan(folder, architecture="dcgan", batch_size=4, config={"resolution": 16}) == plan
    assert resumed_plan(folder, iterations=20_000).iterations == 20_000


@pytest.mark.parametrize("again", ["16x24", (16, 24), [16, 24]])
def test_a_resolution_is_the_same_however_it_is_written(tmp_path, again):
    plan = make_plan("dcgan", "mnist", config={"resolution": (16, 24)})
    assert plan.config["resolution"] == "16x24"
    write_plan(tmp_path / "run", plan)
    assert resumed_plan(tmp_path / "run", config={"resolution": again}) == plan
    with pytest.raises(RunError, match=r"config\.resolution: 16x24 then, 24x16 now"):
        resumed_plan(tmp_path / "run", config={"resolution": (24, 16)})


@pytest.mark.parametrize(
    "data", ["photos", "photos/", "./photos", "other/../photos", "link", "{}/photos", "{}/photos/"]
)
def test_one_data_set_has_many_paths(folder, data):
    (folder.parent / "link").symlink_to("photos")
    plan = resumed_plan(folder, data=data.format(folder.parent))
    assert plan.data == "photos"
    check_folder(folder, plan, resume=True)


def test_the_data_is_found_from_another_folder(folder, monkeypatch):
    (folder / "photos").mkdir()
    monkeypatch.chdir(folder)
    plan = resumed_plan(folder)
    assert plan.data == str(folder.parent / "photos")
    check_folder(folder, plan, resume=True)
    assert resumed_plan(folder, data="../photos").data == "../photos"
    with pytest.raises(RunError, match=f"data: photos then, {folder / 'photos'} now"):
        resumed_plan(folder, data="photos")


@pytest.mark.parametrize("data", ["a-0.tar", "a-{0..1}.tar", "a-*.tar", "shards?split=val"])
def test_files_are_found_from_another_folder_too(folder, monkeypatch, data):
    (folder.parent / "shards").mkdir()
    for name in ("a-0.tar", "a-1.tar", "shards/train-0.tar", "shards/val-0.tar"):
        (folder.parent / name).touch()
    started(folder.parent / "second", data)
    monkeypatch.chdir(folder)
    plan = resumed_plan(folder.parent / "second")
    assert plan.data == str(folder.parent / data)
    check_folder(folder.parent / "second", plan, resume=True)
    assert resumed_plan(folder.parent / "second", data=f"../{data}").data == f"../{data}"
    with pytest.raises(RunError, match="was started with other options: data: "):
        resumed_plan(folder.parent / "second", data="../a-1.tar")


def test_run_and_data_may_be_moved_together(folder, monkeypatch):
    moved = folder.parent / "moved"
    moved.mkdir()
    for name in ("run", "photos"):
        (folder.parent / name).rename(moved / name)
    monkeypatch.chdir(moved)
    assert resumed_plan(moved / "run").data == "photos"
    assert resumed_plan(moved / "run", data="photos/").data == "photos"


def test_a_folder_with_the_name_of_a_data_set_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    started(tmp_path / "run", "mnist")
    assert resumed_plan(tmp_path / "run", data="mnist").data == "mnist"
    with pytest.raises(RunError, match=r"data: mnist then, \./mnist now"):
        resumed_plan(tmp_path / "run", data="./mnist")


def test_the_run_to_start_from_has_many_paths_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first/checkpoints").mkdir(parents=True)
    started(tmp_path / "run", "mnist", init="first")
    assert resumed_plan(tmp_path / "run", init="./first/").init == "first"
    with pytest.raises(RunError, match="init: first then, second now"):
        resumed_plan(tmp_path / "run", init="second")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"data": "other"}, "data: photos then, other now"),
        ({"batch_size": 64}, "batch_size: 4 then, 64 now"),
        ({"config": {"resolution": 32}}, r"config\.resolution: 16 then, 32 now"),
        ({"regularizers": {"r1": 2}}, r"regularizers\.r1: 1 then, 2 now"),
        ({"augmentations": ("color",)}, r"augmentations: \[\] then, \['color'\] now"),
        ({"architecture": "gan"}, "architecture: dcgan then, gan now"),
        ({"loss": "minimax", "seed": 3}, "loss: None then, minimax now; seed: 0 then, 3 now"),
    ],
)
def test_what_differs_is_named(folder, given, named):
    with pytest.raises(RunError, match=named):
        resumed_plan(folder, **given)


def test_wrong_options_are_told_apart_from_other_ones(folder):
    with pytest.raises(InvalidRequestError, match="there is no training option batchsize"):
        resumed_plan(folder, batchsize=3)
    with pytest.raises(InvalidRequestError, match="iterations must be"):
        resumed_plan(folder, iterations=-1)
    with pytest.raises(UnknownNameError, match="r11"):
        resumed_plan(folder, regularizers={"r11": None})


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", "7", "{}", '{"architecture": "dcgan"}', "[" * 100_000, b"\xff", '{"config": [], "data": 1}'],
)
def test_a_damaged_plan_is_one_line(folder, content):
    (folder / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RunError, match=r"run\.json is damaged .*start a new run in another folder"):
        resumed_plan(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", 5),
        ("data", ""),
        ("data", "a\0b"),
        ("architecture", None),
        ("init", [1]),
        ("loss", 3),
        ("schedule", 3),
        ("config", [1]),
        ("limit", 0),
        ("limit", "x"),
        ("augmentations", 4),
        ("regularizers", [1]),
    ],
)
def test_a_wrong_value_in_the_plan_is_one_line(folder, name, value):
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(RunError, match=r"run\.json is damaged .*start a new run in another folder"):
        resumed_plan(folder)
    with pytest.raises(RunError, match=r"run\.json is damaged .*restore it"):
        training_command(folder)


@pytest.mark.parametrize("data", ["pictures\udcff", "a\0b"])
def test_a_name_that_json_cannot_hold_is_refused_before_training(data):
    with pytest.raises(InvalidRequestError, match="which is not UTF-8 - rename the folder"):
        make_plan("dcgan", data)


def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"run\\udcff' is not UTF-8 - choose another folder"):
        check_folder(tmp_path / "run\udcff", make_plan("dcgan", "mnist"), resume=False)


THINGS = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("name", ["metrics.jsonl", "config.json", "progress.png", ".lock", "resources.json"])
def test_what_is_in_the_place_of_a_file_is_told_before_anything_is_written(folder, name, thing):
    (folder / name).unlink(missing_ok=True)
    THINGS[thing](folder / name)
    before = sorted(folder.iterdir()), (folder / "run.json").read_bytes()
    with pytest.raises(RunError, match=f"{name} is not a regular file, and training writes there - move it out"):
        check_folder(folder, make_plan("dcgan", "photos"), resume=True)
    assert (sorted(folder.iterdir()), (folder / "run.json").read_bytes()) == before


@pytest.mark.parametrize("name", ["checkpoints", "samples"])
def test_what_is_in_the_place_of_a_folder_is_told(folder, name):
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).write_text("")
    with pytest.raises(RunError, match=f"{name} is not a folder, and training writes there - move it out"):
        check_folder(folder, make_plan("dcgan", "photos"), resume=True)


def test_there_may_be_no_run(tmp_path):
    with pytest.raises(RunError, match="holds no run to resume"):
        resumed_plan(tmp_path / "run")


@pytest.mark.parametrize("content", ["", "[]", "null", "7", "[" * 100_000, b"\xff", "[1, 2]"])
def test_damaged_resources_are_left_out(folder, content):
    (folder / "resources.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.warns(UserWarning, match=r"resources\.json is damaged"):
        assert read_resources(folder) == {}


def test_resources_of_a_wrong_type_are_left_out(folder):
    assert read_resources(folder) == {"device": "cpu", "workers": 2, "data": str(folder.parent / "photos")}
    (folder / "resources.json").write_text(json.dumps({"device": 3, "workers": True, "compile": True, "more": 1}))
    assert read_resources(folder) == {"compile": True}
    (folder / "resources.json").write_text(json.dumps({"workers": -1, "save_every": 0, "device": "cpu"}))
    assert read_resources(folder) == {"device": "cpu"}


def test_a_run_of_version_0_1_has_no_resources(folder):
    (folder / "resources.json").unlink()
    assert read_resources(folder) == {}
    assert resumed_plan(folder, data="./photos").data == "photos"
