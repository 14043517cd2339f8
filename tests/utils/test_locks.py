"""The lock of a folder or a file is of one process, and dies with it."""

import gc
import os
import signal
import socket
import subprocess
import sys

import pytest

from ganzoo.errors import OutputError
from ganzoo.utils import locks
from ganzoo.utils.locks import FileLock, FolderLock, InUse, locked_output

HOLD = """
import sys, time
from pathlib import Path
from ganzoo.utils.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_another_process_is_named(tmp_path, holder):
    with pytest.raises(InUse, match=f"^process {holder.pid} on {socket.gethostname()}$"):
        FolderLock(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_dies_with_its_process(tmp_path, holder, number):
    holder.send_signal(number)
    holder.wait()
    FolderLock(tmp_path).release()


def test_a_released_lock_leaves_nothing(tmp_path):
    """The lock's file is deleted, and so are new folders that got no file."""
    FolderLock(tmp_path).release()
    with locked_output(tmp_path / "new" / "deep", is_folder=True):
        assert (tmp_path / "new" / "deep" / ".lock").exists()
    assert list(tmp_path.iterdir()) == []
    with locked_output(tmp_path / "new" / "a.png", is_folder=False):
        (tmp_path / "new" / "a.png").touch()
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".a.png.lock", "a.png"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_a_file_that_its_holder_deletes_is_no_lock(tmp_path, monkeypatch):
    """Between opening the file and locking it, another process may release the lock and delete the file."""
    lockf, deleted = locks.fcntl.lockf, []

    def delete_once(file, operation):
        if not deleted:
            deleted.append(os.unlink(tmp_path / ".lock"))
        lockf(file, operation)

    monkeypatch.setattr(locks.fcntl, "lockf", delete_once)
    lock = FolderLock(tmp_path)
    assert deleted
    assert not is_free(tmp_path)
    lock.release()
    assert is_free(tmp_path)


def test_an_output_that_another_process_writes_to_is_refused(tmp_path, holder):
    used = f"is used by process {holder.pid} on .* - wait until it ends, or choose another folder with -o$"
    with pytest.raises(OutputError, match=used), locked_output(tmp_path, is_folder=True):
        raise AssertionError
    with locked_output(tmp_path, is_folder=True, shared=True):
        pass
    with locked_output(tmp_path / "a.png", is_folder=False):  # a file of it is not the folder
        pass


def test_two_files_of_one_folder_have_two_locks(tmp_path):
    code = HOLD.replace("FolderLock", "FileLock")
    words = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InUse):
            FileLock(tmp_path / "a.png")
        FileLock(tmp_path / "b.png").release()
        process.kill()


def is_free(folder):
    words = [sys.executable, "-c", HOLD.replace("time.sleep(100)", ""), str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_one_process_may_lock_it_twice(tmp_path):
    first, second = FolderLock(tmp_path), FolderLock(tmp_path / "." / "")
    first.release()
    first.release()
    assert not is_free(tmp_path)
    del second
    gc.collect()
    assert is_free(tmp_path)
    assert not [key for key in locks._held if str(tmp_path) in str(key)]  # others may belong to other tests


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_neither_has_nor_releases_it(tmp_path):
    """Workers that read data are forked: they may outlive a killed process, but not hold its lock."""
    lock = FolderLock(tmp_path)
    child = os.fork()
    if child == 0:
        lock.release()
        try:
            FolderLock(tmp_path)
        except InUse as error:
            os._exit(0 if f"process {os.getppid()} on" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not is_free(tmp_path)


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def unsupported(*arguments):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "lockf", unsupported)
    with pytest.warns(UserWarning, match="cannot be locked .*Function not implemented.* let no other process"):
        FolderLock(tmp_path)
