"""SVHN: right pixels, little memory, and one sentence for whatever goes wrong on the way.

The files are SVHN's in small: the same variables, types and shapes, made of a few images and served
by an HTTP server of this computer that can misbehave on demand.
"""

import errno
import hashlib
import io
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data import SPLITS, load_images, svhn
from helpers.data.svhn import DownloadError
from helpers.doctor import doctor

REPOSITORY = Path(__file__).resolve().parents[1]
COUNT = 40


def variables(count: int = COUNT, seed: int = 0) -> dict[str, np.ndarray]:
    """SVHN's X (row, column, channel, image) and y, with all labels 1 to 10."""
    rng = np.random.default_rng(seed)
    return {
        "X": rng.integers(0, 256, (32, 32, 3, count), np.uint8),
        "y": (rng.permutation(count) % 10 + 1).astype(np.uint8)[:, None],
    }


def mat(arrays: dict[str, np.ndarray], compressed: bool = True) -> bytes:
    """The .mat file that holds these variables."""
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, do_compression=compressed)
    return file.getvalue()


def expected(arrays: dict[str, np.ndarray], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What ``read`` must return for all of the file."""
    order = np.random.default_rng(seed).permutation(arrays["y"].size)
    images = arrays["X"].transpose(3, 2, 0, 1)[order]
    return images, arrays["y"].ravel().astype(np.int64)[order] % 10


class Site:
    """A web server that holds the three splits, and misbehaves as it is told.

    behaviour : "healthy"; an HTTP status; or what comes in place of a healthy answer, see below.
    requests : the paths that were asked for.
    """

    def __init__(self) -> None:
        self.behaviour: str | int = "healthy"
        self.requests: list[str] = []
        self.arrays = {split: variables(seed=number) for number, split in enumerate(SPLITS)}
        self.files = {f"/{split}_32x32.mat": mat(self.arrays[split]) for split in SPLITS}
        self.stop = threading.Event()
        self.together = threading.Barrier(2)
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                site.answer(self, site.files[self.path])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        behaviour = self.behaviour
        if isinstance(behaviour, int):
            handler.send_error(behaviour)
            return
        if behaviour == "silent":
            self.stop.wait(10)
            return
        if behaviour == "hangs up":
            return
        if behaviour == "together":
            self.together.wait(20)
        if behaviour == "not HTTP":
            handler.wfile.write(b"220 mail server ready\r\n")
            return
        if behaviour == "web page":
            body = b"\n<!DOCTYPE html><title>Welcome to our hotel</title>"
        elif behaviour == "foreign":
            body = body[:500] + bytes(1000) + body[1500:]
        handler.send_response(200)
        if behaviour != "no length":
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if behaviour in ("truncated", "stalled", "reset", "interrupted"):
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
        else:
            handler.wfile.write(body)
        if behaviour == "stalled":
            self.stop.wait(10)
        elif behaviour == "reset":  # no lingering: the other side sees an error, not an end
            self.stop.wait(0.1)
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            handler.connection.close()
        elif behaviour == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
            self.stop.wait(10)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the files go."""
    monkeypatch.setenv("HELPERS_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "svhn"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, folder: Path):
    """A healthy server, which the table of addresses and checksums names."""
    site = Site()
    for split in SPLITS:
        url = f"/{split}_32x32.mat"
        md5 = hashlib.md5(site.files[url]).hexdigest()
        monkeypatch.setitem(svhn.FILES, split, svhn.Source(site.address + url, md5, 182))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(svhn, "CHUNK", 1000)
    monkeypatch.setattr(svhn, "TIMEOUT", 5)
    yield site
    site.stop.set()
    site.server.shutdown()
    site.server.server_close()


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*")} if folder.is_dir() else {}


def failure(folder: Path, split: str = "train") -> str:
    """The message with which reading fails, which leaves the folder as it was."""
    before = on_disk(folder)
    with pytest.raises(DownloadError) as caught:
        svhn.read(split, 5, 0)
    assert on_disk(folder) == before
    error = caught.value  # alone, not after a page of tracebacks of what caused it
    assert error.__cause__ is None and (error.__suppress_context__ or error.__context__ is None)
    message = str(error)
    assert message.startswith("SVHN could not be loaded: ")
    assert message.endswith('; load_images("street_digits") works offline.')
    assert "\n" not in message and len(message) < 400
    assert message.count(". ") == 1  # what happened. What to do.
    return message


def assert_repeat_succeeds(site: Site, folder: Path) -> None:
    site.behaviour = "healthy"
    images, labels = svhn.read("train", 5, 0)
    all_images, all_labels = expected(site.arrays["train"])
    np.testing.assert_array_equal(images, all_images[:5])
    np.testing.assert_array_equal(labels, all_labels[:5])
    assert on_disk(folder) == {"train_32x32.mat": site.files["/train_32x32.mat"]}


# What it returns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_all_of_a_split(site: Site, split: str) -> None:
    images, labels = svhn.read(split)
    assert images.dtype == np.uint8 and images.shape == (COUNT, 3, 32, 32)
    assert labels.dtype == np.int64 and labels.shape == (COUNT,)
    all_images, all_labels = expected(site.arrays[split])
    np.testing.assert_array_equal(images, all_images)
    np.testing.assert_array_equal(labels, all_labels)
    assert site.requests == [f"/{split}_32x32.mat"]


def test_load_images_is_the_door_to_it(site: Site) -> None:
    images, labels = load_images("svhn", "test", count=7, seed=3)
    all_images, all_labels = expected(site.arrays["test"], seed=3)
    np.testing.assert_array_equal(images, all_images[:7])
    np.testing.assert_array_equal(labels, all_labels[:7])


def test_label_ten_is_the_digit_zero_and_the_others_are_themselves() -> None:
    arrays = variables(10) | {"y": np.arange(1, 11, dtype=np.uint8)[:, None]}
    for number in range(10):  # the label is also the colour, so that the shuffle does not matter
        arrays["X"][..., number] = number + 1
    images, labels = svhn.read_mat(io.BytesIO(mat(arrays)), None, seed=5)
    assert sorted(labels) == list(range(10))
    np.testing.assert_array_equal(images[:, 0, 0, 0] % 10, labels)


def test_pixels_stand_at_channel_row_column() -> None:
    arrays = variables(1) | {"X": np.zeros((32, 32, 3, 1), np.uint8)}
    arrays["X"][3, 20, 2, 0] = 255  # row 3, column 20, blue
    images, _ = svhn.read_mat(io.BytesIO(mat(arrays)), 1, seed=0)
    assert np.argwhere(images[0]).tolist() == [[2, 3, 20]]


@settings(max_examples=30, deadline=None)
@given(
    total=st.integers(1, 30),
    data=st.data(),
    seed=st.integers(0, 2**32),
    block=st.integers(1, 12),
    compressed=st.booleans(),
)
def test_fewer_images_are_the_first_of_all(
    total: int, data: st.DataObject, seed: int, block: int, compressed: bool
) -> None:
    count = data.draw(st.integers(1, total))
    arrays = variables(total, seed=1)
    file = mat(arrays, compressed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svhn, "BLOCK", block)
        images, labels = svhn.read_mat(io.BytesIO(file), count, seed)
    all_images, all_labels = expected(arrays, seed)
    np.testing.assert_array_equal(images, all_images[:count])
    np.testing.assert_array_equal(labels, all_labels[:count])


def test_a_seed_shuffles() -> None:
    file = mat(variables())
    orders = [svhn.read_mat(io.BytesIO(file), 5, seed)[0].tobytes() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


# The format ---------------------------------------------------------------------------------------


def matlab_5(arrays: dict[str, np.ndarray], order: str, compressed: bool) -> bytes:
    """A .mat file as MATLAB writes it: on computers of both byte orders, with doubles packed."""

    def element(kind: int, data: bytes) -> bytes:
        if len(data) <= 4:
            both = len(data) << 16 | kind
            return struct.pack(f"{order}I", both) + data.ljust(4, b"\0")
        return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)

    def variable(name: str, array: np.ndarray) -> bytes:
        double = array.dtype == np.float64  # MATLAB stores whole doubles as the smallest integers
        data = (array.astype(np.uint8) if double else array).tobytes(order="F")
        body = element(6, struct.pack(f"{order}II", 6 if double else 9, 0))
        body += element(5, struct.pack(f"{order}{array.ndim}i", *array.shape))
        body += element(1, name.encode()) + element(2, data)
        matrix = struct.pack(f"{order}II", 14, len(body)) + body
        if not compressed:
            return matrix
        packed = zlib.compress(matrix)
        return struct.pack(f"{order}II", 15, len(packed)) + packed

    text = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8)
    mark = struct.pack(f"{order}HH", 0x0100, 0x4D49)
    return text + mark + b"".join(variable(name, array) for name, array in arrays.items())


@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 19])  # labels of 1 to 4 bytes sit inside their tag
def test_every_way_in_which_matlab_writes(count: int, order: str, compressed: bool) -> None:
    arrays = variables(count)
    other = np.ones((1, 3, 2), np.uint8)
    doubles = {"y": arrays["y"].astype(float), "other": other, "X": arrays["X"]}
    for stored in (arrays, doubles):
        file = matlab_5(stored, order, compressed)
        oracle = scipy.io.loadmat(io.BytesIO(file))
        np.testing.assert_array_equal(oracle["X"].reshape(32, 32, 3, count), arrays["X"])
        images, labels = svhn.read_mat(io.BytesIO(file), None, seed=2)
        all_images, all_labels = expected(arrays, seed=2)
        np.testing.assert_array_equal(images, all_images)
        np.testing.assert_array_equal(labels, all_labels)
        assert labels.dtype == np.int64


def test_torchvision_reads_the_same_from_the_same_file(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import SVHN

    images, labels = svhn.read("extra", seed=4)
    entry = [svhn.FILES["extra"].url, "extra_32x32.mat", svhn.FILES["extra"].md5]
    monkeypatch.setitem(SVHN.split_list, "extra", entry)
    theirs = SVHN(folder, "extra", download=False)  # which checks the checksum
    order = np.random.default_rng(4).permutation(COUNT)
    np.testing.assert_array_equal(images, theirs.data[order])
    np.testing.assert_array_equal(labels, theirs.labels[order])


def test_addresses_and_checksums_are_torchvisions() -> None:
    from torchvision.datasets import SVHN

    ours = {
        split: [source.url, f"{split}_32x32.mat", source.md5]
        for split, source in svhn.FILES.items()
    }
    assert ours == SVHN.split_list
    assert list(ours) == list(SPLITS)


@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
def test_memory_is_for_the_images_asked_for(tmp_path: Path, compressed: bool) -> None:
    total = 10_000  # 31 MB; equal images, for a chunk of them unpacks to a thousand times its size
    arrays = {"X": np.zeros((32, 32, 3, total), np.uint8), "y": np.ones((total, 1), np.uint8)}
    path = tmp_path / "large.mat"
    path.write_bytes(mat(arrays, compressed))
    del arrays
    for count, most in ((10, 5e6), (1000, 9e6)):
        with path.open("rb") as file:
            tracemalloc.start()
            svhn.read_mat(file, count, seed=0)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < most


# The file on disk ---------------------------------------------------------------------------------


def test_progress_is_shown_while_it_downloads(site: Site, capfd: pytest.CaptureFixture) -> None:
    svhn.read("train", 5)
    shown = capfd.readouterr()
    assert "Downloading train_32x32.mat: 100%" in shown.err and not shown.out


def test_a_file_on_disk_needs_no_network(site: Site, capfd: pytest.CaptureFixture) -> None:
    first = svhn.read("train", 5)
    capfd.readouterr()
    site.server.shutdown()
    site.server.server_close()
    again = svhn.read("train", 5)
    np.testing.assert_array_equal(first[0], again[0])
    assert len(site.requests) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[:-1], lambda whole: b"", lambda whole: b"<html>", lambda whole: whole * 2],
    ids=["truncated", "empty", "foreign", "too long"],
)
def test_a_damaged_file_is_fetched_again(
    site: Site, folder: Path, damage, capsys: pytest.CaptureFixture
) -> None:
    folder.mkdir(parents=True)
    damaged = damage(site.files["/train_32x32.mat"])
    (folder / "train_32x32.mat").write_bytes(damaged)
    site.behaviour = 503
    assert "503" in failure(folder)  # the damaged file stays until there is a better one
    assert on_disk(folder) == {"train_32x32.mat": damaged}
    assert "train_32x32.mat is damaged or is not SVHN's file: fetching" in capsys.readouterr().out
    assert_repeat_succeeds(site, folder)


def test_one_changed_byte_is_noticed(site: Site, folder: Path) -> None:
    svhn.read("train", 5)
    path = folder / "train_32x32.mat"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    assert_repeat_succeeds(site, folder)


def test_helpers_data_names_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site: Site
) -> None:
    monkeypatch.setenv("HELPERS_DATA", str(tmp_path / "elsewhere"))
    svhn.read("test", 1)
    assert (tmp_path / "elsewhere" / "svhn" / "test_32x32.mat").exists()
    assert "test_32x32.mat" in repr(doctor())
    monkeypatch.delenv("HELPERS_DATA")
    assert svhn.folder() == REPOSITORY / "data" / "svhn"


def test_helpers_installed_without_the_course(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site: Site
) -> None:
    monkeypatch.delenv("HELPERS_DATA")
    monkeypatch.setattr(svhn, "ROOT", tmp_path)
    message = failure(tmp_path)
    assert "without the course's folder" in message and "HELPERS_DATA" in message
    assert not site.requests


# Failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour, what, remedy",
    [
        (403, "127.0.0.1 answered 403 (Forbidden)", "try another network"),
        (404, "answered 404 (Not Found)", "update the course"),
        (407, "answered 407 (Proxy Authentication Required)", "try another network"),
        (503, "answered 503 (Service Unavailable)", "Run this again in an hour"),
        ("web page", "a web page came from", "Log in with a browser and run this again"),
        ("truncated", "the connection broke off after 0 of 0 MB", "Run this again"),
        ("reset", "the connection broke off after 0 of 0 MB", "Run this again"),
        ("foreign", "wrong checksum", "Run this again"),
        ("silent", "sent nothing for 0.3 seconds", "Check the network connection"),
        ("stalled", "sent nothing for 0.3 seconds", "Check the network connection"),
        ("hangs up", "the connection to 127.0.0.1 failed", "Check the network connection"),
        ("not HTTP", "the connection to 127.0.0.1 failed", "Check the network connection"),
    ],
)
def test_a_server_that_fails(
    site: Site,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str | int,
    what: str,
    remedy: str,
) -> None:
    if behaviour in ("silent", "stalled"):
        monkeypatch.setattr(svhn, "TIMEOUT", 0.3)
    site.behaviour = behaviour
    message = failure(folder)
    assert what in message and remedy in message
    monkeypatch.setattr(svhn, "TIMEOUT", 5)
    assert_repeat_succeeds(site, folder)


def test_a_server_that_does_not_say_how_much_it_sends(site: Site, folder: Path) -> None:
    site.behaviour = "no length"
    svhn.read("train", 5)
    assert_repeat_succeeds(site, folder)


def test_no_network(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", unknown)
        message = failure(folder)
    assert "no network" in message and "Check the network connection" in message
    assert_repeat_succeeds(site, folder)


@pytest.mark.parametrize(
    "error, what",
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "127.0.0.1 refused the connection"),
        (TimeoutError("timed out"), "127.0.0.1 sent nothing for 5 seconds"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_no_way_to_the_server(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, what: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", fail)
        assert what in failure(folder)
    assert_repeat_succeeds(site, folder)


def test_a_full_disk_is_seen_before_the_download(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage(folder.parents[1])
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        message = failure(folder)
    assert "is full" in message and "Free 182 MB" in message and "HELPERS_DATA" in message
    assert_repeat_succeeds(site, folder)


class _Failing(io.FileIO):
    """A file that takes some bytes and then no more."""

    error = OSError(errno.ENOSPC, "No space left on device")
    taken = 0

    def write(self, data: bytes) -> int:
        self.taken += len(data)
        if self.taken > 5000:
            raise self.error
        return super().write(data)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_meanwhile(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    opened = Path.open

    def failing(path: Path, mode: str = "r", *more: object, **named: object):
        return _Failing(path, mode) if "x" in mode else opened(path, mode, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(_Failing, "error", OSError(code, os.strerror(code)))
        patch.setattr(Path, "open", failing)
        message = failure(folder)
    assert ("cannot be used (" if code == errno.EIO else "is full") in message
    assert str(folder) in message
    assert_repeat_succeeds(site, folder)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        message = failure(folder)
    assert f"you may not read or write {folder}" in message and "HELPERS_DATA" in message
    assert not site.requests  # 182 MB for nothing
    assert_repeat_succeeds(site, folder)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere"
)
def test_a_folder_without_write_permission(site: Site, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    assert "you may not read or write" in failure(folder)
    folder.chmod(0o755)
    assert_repeat_succeeds(site, folder)


@pytest.mark.parametrize("place", ["data/svhn", "data"])
def test_a_file_where_the_folder_should_be(site: Site, folder: Path, place: str) -> None:
    file = folder.parents[1] / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("not a folder")
    message = failure(folder)
    assert f"{file} is a file where a folder is needed" in message and "Move it away" in message
    assert file.read_text() == "not a folder" and not site.requests
    file.unlink()
    assert_repeat_succeeds(site, folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows calls it a missing permission")
def test_a_folder_where_the_file_should_be(site: Site, folder: Path) -> None:
    (folder / "train_32x32.mat").mkdir(parents=True)
    with pytest.raises(DownloadError, match="is a folder where a file is needed. Move it away"):
        svhn.read("train", 5)
    assert not site.requests
    (folder / "train_32x32.mat").rmdir()
    assert_repeat_succeeds(site, folder)


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_an_interrupted_download_leaves_nothing(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.behaviour = "interrupted"
    # A test run in the background of a shell ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            svhn.read("train", 5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not on_disk(folder)
    assert_repeat_succeeds(site, folder)


def test_what_a_killed_download_left_goes_and_a_running_one_stays(site: Site, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, age in (("old", svhn.ABANDONED + 60), ("running", 60)):
        part = folder / f"train_32x32.mat.{name}.part"
        part.write_bytes(b"half a file")
        os.utime(part, (time.time() - age,) * 2)
    svhn.read("train", 5)
    assert sorted(on_disk(folder)) == ["train_32x32.mat", "train_32x32.mat.running.part"]


def child(code: str, site: Site) -> subprocess.Popen:
    """Another Python that has the table of this one."""
    table = {split: tuple(source) for split, source in svhn.FILES.items()}
    before = (
        "import sys; from helpers.data import load_images, svhn; svhn.CHUNK = 1000; "
        f"svhn.FILES.update({{s: svhn.Source(*v) for s, v in {table!r}.items()}}); "
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", before + code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once(site: Site, folder: Path) -> None:
    site.behaviour = "together"  # neither gets an answer before both have asked
    code = "images, _ = load_images('svhn', count=5); print(images.sum())"
    both = [child(code, site) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    total = expected(site.arrays["train"])[0][:5].sum()
    assert [int(output) for output, _ in outputs] == [total, total]
    assert len(site.requests) == 2
    assert_repeat_succeeds(site, folder)


def test_windows_does_not_replace_a_file_that_another_process_reads(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(part: Path, path: Path) -> None:
        path.write_bytes(others)
        raise PermissionError(errno.EACCES, "Access is denied", str(path))

    others = site.files["/train_32x32.mat"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        svhn.read("train", 5)
        assert_repeat_succeeds(site, folder)
        others = b"another file"
        (folder / "train_32x32.mat").unlink()
        with pytest.raises(DownloadError, match="you may not read or write"):
            svhn.read("train", 5)
    assert list(on_disk(folder)) == ["train_32x32.mat"]


def test_nothing_heavy_is_imported(site: Site) -> None:
    heavy = "{'torch', 'torchvision', 'tensorflow', 'keras', 'scipy', 'tqdm', 'matplotlib'}"
    svhn.read("train", 5)
    code = f"load_images('svhn', count=5); print({heavy} & set(sys.modules))"
    assert child(code, site).communicate(timeout=60)[0] == "set()\n"


# The door: load_images ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["street_digits", "svhn"])
@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"split": "validation"}, "split is .*, not 'validation'"),
        ({"split": None}, "split is .*, not None"),
        ({"count": 0}, "count is 1 to 73,257 for the train split, not 0"),
        ({"count": -3}, "count is 1 to 73,257 for the train split, not -3"),
        ({"count": 73_258}, "not 73258"),
        ({"split": "test", "count": 26_033}, "count is 1 to 26,032 for the test split, not 26033"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_load_images_refuses(site: Site, source: str, wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_images(source, **wrong)
    assert not site.requests


def test_load_images_refuses_an_unknown_source() -> None:
    with pytest.raises(ValueError, match='source is "street_digits" or "svhn", not \'mnist\''):
        load_images("mnist", count=5)


def test_load_images_passes_on_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(svhn, "read", lambda *given: asked.append(given))
    load_images("svhn")
    load_images("svhn", "extra", 531_131, 7)
    assert asked == [("train", 73_257, 0), ("extra", 531_131, 7)]
