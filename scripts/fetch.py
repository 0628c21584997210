"""Downloads files, or byte ranges of files, over HTTP: resumed after a cut, checked against a known SHA-256.

Needs only Python's standard library. Nothing here is specific to libtorch; see setup_libtorch.py.
"""

import bisect
import errno
import functools
import hashlib
import http.client
import io
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

BLOCK = 1 << 20
PART = ".part"
TIMEOUT_S = 60
ATTEMPTS_WITHOUT_PROGRESS = 5


class FetchError(Exception):
    """A download that cannot succeed; the message gives the reason and the remedy."""


class Progress:
    """Shows the download progress: one changing line on a terminal, a plain line every ten seconds elsewhere."""

    def __init__(self, total):
        self.total, self.done, self.stream = total, 0, sys.stderr
        self.start = self.said = time.monotonic()
        self.live = self.stream.isatty()

    def add(self, count):
        self.done += count
        now = time.monotonic()
        if now - self.said >= (0.2 if self.live else 10.0):
            self.said = now
            self._say("\r" if self.live else "", "" if self.live else "\n")

    def close(self):
        self._say("\r" if self.live else "", "\n")

    def _say(self, before, after):
        rate = self.done / max(time.monotonic() - self.start, 1e-3)
        line = f"  {self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB, {rate / 1e6:.1f} MB/s"
        self.stream.write(f"{before}{line:<50}{after}")
        self.stream.flush()


def fetch(url, destination, sha256, start, end, progress=None, wait_s=1.0):
    """Puts bytes `start..end` (end excluded) of `url` into the file `destination`.

    What has arrived waits in `<destination>.part` and is continued by the next call, also after this process
    was killed. The file takes its name only once its SHA-256 is right; wrong contents are thrown away and
    fetched once more.
    """
    if os.path.exists(destination):
        return
    part = destination + PART
    for last_try in (False, True):
        _complete(url, part, start, end, progress, wait_s)
        if _sha256(part) == sha256:
            os.replace(part, destination)
            return
        os.remove(part)
        if last_try:
            raise FetchError(
                f"{os.path.basename(destination)} arrived twice with the wrong contents (SHA-256 is not "
                f"{sha256}). Something between here and the package index alters files: check proxy and mirror."
            )


def bytes_at_hand(destination, size):
    """The number of the `size` bytes of `destination` that an earlier call has downloaded."""
    for path in (destination, destination + PART):
        if os.path.exists(path):
            return min(size, os.path.getsize(path))
    return 0


def _complete(url, part, start, end, progress, wait_s):
    """Requests the missing bytes until the file is complete."""
    failures = 0
    while True:
        have = os.path.getsize(part) if os.path.exists(part) else 0
        if have > end - start:
            os.remove(part)  # wrong contents: start over
            have = 0
        if have == end - start:
            return
        reason = _append(url, part, start + have, end, progress)
        if reason is None:
            continue
        grown = os.path.exists(part) and os.path.getsize(part) > have
        failures = 1 if grown else failures + 1
        if failures >= ATTEMPTS_WITHOUT_PROGRESS:
            raise FetchError(
                f"cannot download {_name(part)}: {reason} ({failures} tries). Check the network or proxy; what has "
                "arrived is kept, and the next run resumes there."
            )
        time.sleep(wait_s * failures)


def _append(url, part, first, end, progress):
    """Appends bytes `first..end` to `part`, in one request. Returns None, or the reason why it ended early."""
    headers = {"User-Agent": "faus-setup", "Accept-Encoding": "identity", "Range": f"bytes={first}-{end - 1}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S, context=_tls()
        ) as answer, _writing(part) as file:
            # A server without range support sends the whole file: bytes before ours are read and discarded.
            at = first if answer.status == 206 else 0
            while at < end:
                block = answer.read(min(BLOCK, first - at if at < first else end - at))
                if not block:
                    return "the connection closed early"
                if at >= first:
                    _write(file, block)
                    if progress:
                        progress.add(len(block))
                at += len(block)
        return None
    except urllib.error.HTTPError as error:
        if error.code < 500 and error.code not in (408, 429):
            raise FetchError(f"the package index answers {error.code} {error.reason} for {_name(part)}") from error
        return f"the package index answers {error.code} {error.reason}"
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


def _writing(path):
    try:
        return open(path, "ab")
    except OSError as error:
        raise FetchError(_disk_message(error, path)) from error


def _write(file, block):
    try:
        file.write(block)
    except OSError as error:
        raise FetchError(_disk_message(error, file.name)) from error


def _name(part):
    return os.path.basename(part)[: -len(PART)]


@functools.lru_cache(maxsize=None)
def _tls():
    """The system's certificates, those pip is configured to use, and, if Python has none, those bundled with pip."""
    context = ssl.create_default_context()
    for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE"):
        if os.path.isfile(os.environ.get(name, "")):
            context.load_verify_locations(os.environ[name])
    if not context.cert_store_stats()["x509_ca"]:
        try:
            from pip._vendor import certifi

            context.load_verify_locations(certifi.where())
        except (ImportError, OSError):
            pass  # the handshake then fails with a message
    return context


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _disk_message(error, path):
    folder = os.path.dirname(path)
    if error.errno == errno.ENOSPC:
        return f"the disk that holds {folder} is full. Free some space and run again: what has arrived is kept."
    return f"cannot write {path}: {error.strerror or error}"


class Pieces(io.RawIOBase):
    """Byte ranges of one file, each in a separate file, read as the original file.

    `pieces` are (start, path), in order. Reading a byte that no piece has is an error.
    """

    def __init__(self, pieces):
        super().__init__()
        self._starts = [start for start, _ in pieces]
        self._files = [open(path, "rb") for _, path in pieces]
        self._ends = [start + os.path.getsize(path) for start, path in pieces]
        self._at = 0

    def seekable(self):
        return True

    def readable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence] + offset
        return self._at

    def readinto(self, buffer):
        if self._at >= self._ends[-1]:
            return 0
        index = bisect.bisect_right(self._starts, self._at) - 1
        if index < 0 or self._at >= self._ends[index]:
            raise OSError(errno.EIO, f"byte {self._at} was not fetched")
        self._files[index].seek(self._at - self._starts[index])
        count = self._files[index].readinto(memoryview(buffer)[: self._ends[index] - self._at])
        self._at += count
        return count

    def close(self):
        for file in self._files:
            file.close()
        super().close()
