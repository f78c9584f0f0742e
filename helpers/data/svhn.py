"""The real house numbers: SVHN's cropped digits, downloaded once and read in pieces.

``load_images("svhn")`` of ``helpers.data`` is the door to this module. The files lie in
``data/svhn`` of the course, or in ``svhn`` of the folder that the environment variable
``HELPERS_DATA`` names; they are the very files that ``torchvision.datasets.SVHN`` uses.

Source: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature learning"
(http://ufldl.stanford.edu/housenumbers). For non-commercial use only.
"""

import errno
import hashlib
import http.client
import io
import os
import shutil
import socket
import struct
import time
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

import numpy as np

__all__ = ["FILES", "DownloadError", "folder", "read", "read_mat"]

ROOT = Path(__file__).resolve().parents[2]


class Source(NamedTuple):
    """Where a split comes from: address, MD5 checksum, and size for messages."""

    url: str
    md5: str
    megabytes: int


# torchvision's addresses and checksums (a test compares them). They stand here because importing
# torchvision, and PyTorch with it, takes longer than reading the images, and because a lesson in
# Keras should not load PyTorch.
FILES = {
    "train": Source(
        "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
        "e26dedcc434d2e4c54c9b2d4a06d8373",
        182,
    ),
    "test": Source(
        "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
        "eb5a983be6a315427106f1b164d9cef3",
        64,
    ),
    "extra": Source(
        "http://ufldl.stanford.edu/housenumbers/extra_32x32.mat",
        "a93ce644f1a588dc4d68dda5feec44a7",
        1_329,
    ),
}

TIMEOUT = 30.0  # seconds without a byte from the server
CHUNK = 1 << 18  # bytes
ABANDONED = 3600.0  # seconds since the last byte of a download whose Python was killed

IMAGE = 3 * 32 * 32  # bytes
BLOCK = 256  # images that are unpacked at a time


class DownloadError(RuntimeError):
    """SVHN is not on disk and could not be fetched; the message says why and what to do."""


def read(split: str, count: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ``count`` images of a split and their labels; download the split if need be.

    The file is checked against its checksum every time (0.3 s for train); a missing or damaged one
    is fetched. Memory is needed for the ``count`` images, not for the split.

    Parameters
    ----------
    split : "train", "test" or "extra".
    count : number of images, by default all of them.
    seed : shuffles the split; fewer images are the first of the same shuffled split.

    Returns
    -------
    images : uint8 array of shape (count, 3, 32, 32), channels red, green, blue.
    labels : int64 array of shape (count,), the digits 0 to 9.

    Raises
    ------
    DownloadError
        If the split is not on disk and cannot be fetched, or its file cannot be read.
    """
    source = FILES[split]
    path = folder() / f"{split}_32x32.mat"
    with _disk(path, source):
        if path.exists():
            with path.open("rb") as file:
                if _is_whole(file, source):
                    return read_mat(file, count, seed)
            print(f"{path} is damaged or is not SVHN's file: fetching it again.")
    try:
        _fetch(source, path)
    except DownloadError as error:  # its sentence, without the way through this module
        raise error.with_traceback(None) from None
    with _disk(path, source), path.open("rb") as file:
        return read_mat(file, count, seed)


def folder() -> Path:
    """Return the folder of SVHN's files, which may not exist yet.

    Raises ``DownloadError`` if ``helpers`` was installed without the course around it and
    ``HELPERS_DATA`` names no folder.
    """
    chosen = os.environ.get("HELPERS_DATA")
    if chosen:
        return Path(chosen).expanduser().absolute() / "svhn"
    if not (ROOT / "pyproject.toml").exists():
        raise _failure(
            "helpers is installed without the course's folder, so there is no data/svhn to keep "
            "the images in",
            "Set the environment variable HELPERS_DATA to a folder of yours",
        )
    return ROOT / "data" / "svhn"


# Reading ------------------------------------------------------------------------------------------


def read_mat(file: BinaryIO, count: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels, as ``read`` does, from an open .mat file of SVHN.

    The file is a MATLAB 5 one with X, uint8 of shape (32, 32, 3, N): row, column, channel, image;
    and y of shape (N, 1), the labels 1 to 10 where 10 is the digit 0. ``scipy.io.loadmat`` would
    unpack all of X, 1.6 GB for extra. MATLAB writes the first axis fastest, so every image is a
    run of 3,072 bytes, and only the runs that were asked for are kept.
    """
    found = {}
    for name, size, dtype, stream in _variables(file):
        if name == "X":
            found["X"] = _pick_images(stream, _choose(size // IMAGE, count, seed))
        elif name == "y":
            labels = np.frombuffer(stream.read(size * dtype.itemsize), dtype)
            found["y"] = labels[_choose(size, count, seed)].astype(np.int64) % 10
    return found["X"], found["y"]


def _choose(total: int, count: int | None, seed: int) -> np.ndarray:
    # The whole split is shuffled whatever the count, so that fewer are the first of more.
    return np.random.default_rng(seed).permutation(total)[:count]


def _pick_images(stream: BinaryIO, chosen: np.ndarray) -> np.ndarray:
    images = np.empty((len(chosen), 3, 32, 32), np.uint8)
    order = np.argsort(chosen)
    in_file_order = chosen[order]
    end = in_file_order[-1] + 1
    for start in range(0, end, BLOCK):
        length = min(BLOCK, end - start)
        block = np.frombuffer(stream.read(length * IMAGE), np.uint8)
        block = block.reshape(length, 3, 32, 32).swapaxes(2, 3)  # columns outside, rows inside
        low, high = np.searchsorted(in_file_order, (start, start + length))
        images[order[low:high]] = block[in_file_order[low:high] - start]
    return images


# Numbers of the MATLAB 5 format: "MAT-File Format", MathWorks.
_MATRIX_COMPRESSED = 15
_DTYPES = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "bBhHiIfdqQ", strict=True))


def _variables(file: BinaryIO) -> Iterator[tuple[str, int, np.dtype, BinaryIO]]:
    """Yield name, number of values, their type, and the stream to read them from."""
    order = "<" if file.read(128)[126:] == b"IM" else ">"
    while len(tag := file.read(8)) == 8:
        kind, length = struct.unpack(f"{order}II", tag)
        end = file.tell() + length
        stream = file
        if kind == _MATRIX_COMPRESSED:
            stream = io.BufferedReader(_Inflated(file), 1 << 16)
            stream.read(8)  # the tag of the matrix inside
        _content(stream, order)  # flags
        _content(stream, order)  # shape
        name = _content(stream, order).decode("ascii")
        kind, length, data = _element(stream, order)
        dtype = np.dtype(order + _DTYPES[kind])
        yield name, length // dtype.itemsize, dtype, data
        file.seek(end)


def _content(stream: BinaryIO, order: str) -> bytes:
    _, length, data = _element(stream, order)
    content = data.read(length)
    if data is stream:
        stream.read(-length % 8)  # elements fill multiples of eight bytes
    return content


def _element(stream: BinaryIO, order: str) -> tuple[int, int, BinaryIO]:
    """Return type and length of the next element, and the stream to read its bytes from."""
    tag = stream.read(8)
    kind, length = struct.unpack(f"{order}II", tag)
    if kind >> 16:  # up to four bytes are packed into the tag
        return kind & 0xFFFF, kind >> 16, io.BytesIO(tag[4:])
    return kind, length, stream


class _Inflated(io.RawIOBase):
    """The bytes that are compressed in a file from its present position on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zlib = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = b""
        while not data and not self._zlib.eof:
            packed = self._zlib.unconsumed_tail or self._file.read(1 << 16)
            # The limit matters: a thousand equal images unpack to a thousand times the space.
            data = self._zlib.decompress(packed, len(buffer))
            if not packed and not data:
                break
        buffer[: len(data)] = data
        return len(data)


# Fetching -----------------------------------------------------------------------------------------


def _fetch(source: Source, path: Path) -> None:
    """Download to a file beside ``path`` and rename it once it is whole and right.

    torchvision's own ``download_url`` writes to the final name, so that an interrupted download
    leaves half a file there, and two downloads at once write into each other's.
    """
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with _disk(path, source):
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path)
            with part.open("xb") as file:
                _download(source, path, file)
            _put_in_place(source, part, path)
    finally:  # for KeyboardInterrupt, too
        with suppress(OSError):
            part.unlink()


def _download(source: Source, path: Path, file: BinaryIO) -> None:
    from tqdm.auto import tqdm  # an import that only a download needs

    host = urlsplit(source.url).hostname
    with _network(host):
        # Many servers turn away urllib's own name.
        request = urllib.request.Request(source.url, headers={"User-Agent": "dcgan-course"})
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    with response:
        total, received, digest = response.length, 0, _md5()
        if total and total > shutil.disk_usage(path.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # now, not in five minutes
        with tqdm(
            total=total, unit="B", unit_scale=True, desc=f"Downloading {path.name}"
        ) as progress:
            while True:
                with _network(host, received, total):
                    chunk = response.read(CHUNK)
                if not chunk:
                    break
                if not received and chunk.lstrip().startswith(b"<"):
                    raise _failure(
                        f"a web page came from {host} in place of the file, perhaps the log-in "
                        "page of a hotel's or campus's network",
                        "Log in with a browser and run this again",
                    )
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                progress.update(len(chunk))
    if total and received < total:
        raise _broken_off(received, total)
    if digest.hexdigest() != source.md5:
        raise _failure(
            f"what {host} sent has the wrong checksum, so it is damaged or another file",
            "Run this again, over another network if it happens twice",
        )


def _put_in_place(source: Source, part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except PermissionError:
        # Windows: another process was faster, and is reading the file. Ours is the same.
        with path.open("rb") as file:
            if not _is_whole(file, source):
                raise


def _sweep(path: Path) -> None:
    """Delete what a Python that was killed has left; a living download is younger."""
    for part in path.parent.glob(f"{path.name}.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()


def _is_whole(file: BinaryIO, source: Source) -> bool:
    digest = hashlib.file_digest(file, _md5).hexdigest()
    file.seek(0)
    return digest == source.md5


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)  # else refused on computers with strict rules


# Failures -----------------------------------------------------------------------------------------


def _failure(what: str, remedy: str) -> DownloadError:
    return DownloadError(
        f'SVHN could not be loaded: {what}. {remedy}; load_images("street_digits") works offline.'
    )


def _broken_off(received: int, total: int | None) -> DownloadError:
    of_total = f" of {total / 1e6:,.0f}" if total else ""
    return _failure(
        f"the connection broke off after {received / 1e6:,.0f}{of_total} MB", "Run this again"
    )


@contextmanager
def _network(host: str, received: int = 0, total: int | None = None) -> Iterator[None]:
    """Turn whatever the network raises into one sentence."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            what = f"{host} answered {error.code} ({error.reason})"
            remedy = {
                403: "A firewall may forbid it: try another network",
                404: "The file may have moved: update the course and run this again",
                407: "A proxy asks for a password: try another network",
            }.get(error.code, "Run this again in an hour")
        elif isinstance(reason, TimeoutError):
            what = f"{host} sent nothing for {TIMEOUT:g} seconds"
            remedy = "Check the network connection and run this again"
        elif received:
            raise _broken_off(received, total) from None
        else:
            if isinstance(reason, socket.gaierror):
                what = f"there seems to be no network, for {host} was not found"
            elif isinstance(reason, ConnectionRefusedError):
                what = f"{host} refused the connection"
            else:
                what = f"the connection to {host} failed ({' '.join(str(reason).split())})"
            remedy = "Check the network connection and run this again"
        raise _failure(what, remedy) from None


@contextmanager
def _disk(path: Path, source: Source) -> Iterator[None]:
    """Turn whatever the disk raises into one sentence."""
    try:
        yield
    except OSError as error:
        place = path.parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = f"the disk of {place} is full"
            remedy = f"Free {source.megabytes:,} MB"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            refused = str(error.filename or place)
            what = f"you may not read or write {place if refused.endswith('.part') else refused}"
            remedy = "Mend its permissions"
        elif error.errno in (errno.EEXIST, errno.ENOTDIR):
            file = next(where for where in (place, *place.parents) if where.exists())
            what = f"{file} is a file where a folder is needed"
            remedy = "Move it away"
        elif error.errno == errno.EISDIR:
            what = f"{path} is a folder where a file is needed"
            remedy = "Move it away"
        else:
            what = f"{place} cannot be used ({error.strerror or error})"
            remedy = "Run this again"
        remedy += " or set the environment variable HELPERS_DATA to another folder"
        raise _failure(what, remedy) from None
