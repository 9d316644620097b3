"""Files are written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lexgrad.files import write_text_whole, write_whole


def test_a_file_is_written(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a.txt", "ŷ\nsecond")
    assert (tmp_path / "a.txt").read_bytes() == "ŷ\nsecond".encode()
    write_text_whole(str(tmp_path / "a.txt"), "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write(path: Path) -> None:
        path.write_text("half of the ne")
        raise error

    with pytest.raises(error):
        write_whole(target, write)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_where_there_is_no_folder_the_error_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "a.txt"
    with pytest.raises(FileNotFoundError) as fault:
        write_text_whole(target, "new")
    assert fault.value.filename == str(target)


FILE_LIMIT = """
import resource, sys
from pathlib import Path
from lexgrad.files import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_whole(sys.argv[1], lambda path: path.write_bytes(bytes(5000)))
except OSError as fault:
    print(fault.filename)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit to set")
def test_where_there_is_no_more_room_the_old_one_stands_and_the_error_names_it(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    done = subprocess.run([sys.executable, "-c", FILE_LIMIT, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_while_it_is_written_the_old_one_stands(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write(path: Path) -> None:
        path.write_text("new")
        assert path.parent == target.parent  # a rename is atomic within one file system only
        assert target.read_text() == "old"

    write_whole(target, write)
    assert target.read_text() == "new"


def test_a_process_killed_in_the_middle_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    program = (
        "import os, sys; from lexgrad.files import write_whole\n"
        "def write(path):\n    path.write_text('half'); os._exit(9)\n"
        "write_whole(sys.argv[1], write)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(target)], check=False).returncode == 9
    assert target.read_text() == "old"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text_whole(tmp_path / "missing" / "a.txt", "text")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "whole", "text")
    (tmp_path / "plain").write_text("text")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode
