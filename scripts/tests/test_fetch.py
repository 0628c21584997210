"""fetch.py against a server on this machine that cuts connections, knows no ranges, or lies."""

import hashlib
import http.server
import os
import re
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import fetch  # noqa: E402


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path. `cuts`: after how many bytes each of the next answers breaks off."""

    daemon_threads = True

    def __init__(self, content=b""):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cuts, self.statuses, self.ranges, self.files = content, [], [], True, {}
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/file.whl"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        body = server.files.get(self.path, server.content)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "") if server.ranges else None
        if found:
            body = body[int(found.group(1)) : int(found.group(2)) + 1]
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, *_):
        pass


class Fetch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.destination = os.path.join(folder.name, "file")
        self.content = bytes(range(256)) * 5000  # more than one block
        self.server = Server(self.content)
        self.addCleanup(self.server.close)

    def fetch(self, start=0, end=None, sha256=None):
        end = len(self.content) if end is None else end
        sha256 = sha256 or hashlib.sha256(self.content[start:end]).hexdigest()
        fetch.fetch(self.server.url, self.destination, sha256, start, end, wait_s=0.0)
        with open(self.destination, "rb") as file:
            return file.read()

    def test_a_whole_file(self):
        self.assertEqual(self.fetch(), self.content)

    def test_a_range(self):
        self.assertEqual(self.fetch(1000, 70_000), self.content[1000:70_000])

    def test_goes_on_after_a_cut(self):
        self.server.cuts = [300_000, 100]
        self.assertEqual(self.fetch(1000), self.content[1000:])
        end = len(self.content) - 1
        self.assertEqual(self.server.asked, [f"bytes={first}-{end}" for first in (1000, 301_000, 301_100)])

    def test_goes_on_in_another_process(self):
        with open(self.destination + fetch.PART, "wb") as part:
            part.write(self.content[:12_345])
        self.assertEqual(fetch.bytes_at_hand(self.destination, len(self.content)), 12_345)
        self.assertEqual(self.fetch(), self.content)
        self.assertEqual(self.server.asked, [f"bytes=12345-{len(self.content) - 1}"])

    def test_goes_on_without_ranges(self):
        self.server.ranges = False
        self.server.cuts = [300_000]
        self.assertEqual(self.fetch(1000, 400_000), self.content[1000:400_000])

    def test_a_finished_download_asks_nothing(self):
        self.fetch()
        self.server.asked.clear()
        self.fetch()
        self.assertEqual(self.server.asked, [])

    def test_spoiled_leftovers_are_fetched_anew(self):
        with open(self.destination + fetch.PART, "wb") as part:
            part.write(b"x" * 5000)
        self.assertEqual(self.fetch(), self.content)

    def test_wrong_contents_are_refused_and_leave_nothing(self):
        with self.assertRaisesRegex(fetch.FetchError, "wrong contents"):
            self.fetch(sha256="0" * 64)
        self.assertEqual(os.listdir(os.path.dirname(self.destination)), [])

    def test_a_busy_server_is_asked_again_and_a_refusal_is_not(self):
        self.server.statuses = [503, 429]
        self.assertEqual(self.fetch(), self.content)
        os.remove(self.destination)
        self.server.statuses = [403]
        with self.assertRaisesRegex(fetch.FetchError, "403"):
            self.fetch()

    def test_no_network_says_so_after_some_tries(self):
        self.server.close()
        with self.assertRaisesRegex(fetch.FetchError, "next run resumes"):
            self.fetch()

    def test_a_full_disk_is_named(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("this system has no /dev/full")
        with open("/dev/full", "ab", buffering=0) as full:
            with self.assertRaisesRegex(fetch.FetchError, "is full"):
                fetch._write(full, b"x")


class Pieces(unittest.TestCase):
    def test_reads_what_was_fetched_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            content, pieces = bytes(range(100)), []
            for start, end in ((10, 30), (30, 40), (80, 100)):
                pieces.append((start, os.path.join(folder, str(start))))
                with open(pieces[-1][1], "wb") as file:
                    file.write(content[start:end])
            with fetch.Pieces(pieces) as file:
                file.seek(20)
                self.assertEqual(file.read(10) + file.read(10), content[20:40])
                file.seek(-5, os.SEEK_END)
                self.assertEqual(file.read(), content[95:])
                for hole in (0, 40, 79):
                    file.seek(hole)
                    with self.assertRaises(OSError):
                        file.read(1)


if __name__ == "__main__":
    unittest.main()
