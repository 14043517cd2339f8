"""What a folder of pictures may hold besides pictures."""

from ganzoo.utils.image_folders import list_folder


def test_links_that_lead_nowhere_or_in_a_circle_do_no_harm(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"")
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "nowhere.png").symlink_to("/nowhere/at/all")
    (folder / "up").symlink_to("..")
    (folder / "here").symlink_to(".")
    listing = list_folder(folder)
    assert [path.name for path in listing.images] == ["a.png", "itself.png", "nowhere.png"]
    assert listing.closed == ()
