"""setup_libtorch.py with a small made-up wheel: no network, no real libtorch."""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import fetch  # noqa: E402
import setup_libtorch as setup  # noqa: E402
from test_fetch import Server  # noqa: E402

PLATFORM = "linux-x86_64"
TORCH = {
    "torch/__init__.py": b"not wanted",
    "torch/include/torch/csrc/api/include/torch/version.h": b'#define TORCH_VERSION "2.11.0"',
    "torch/lib/libtorch_cpu.so": b"cpu" * 1000,
    "torch/lib/libtorch_cpu.dylib": b"cpu" * 1000,
    "torch/lib/libc10.so": b"c10",
    "torch/lib/libc10.dylib": b"c10",
    "torch/lib/libtorch_cuda.so": b"cuda",
    "torch/lib/libtorch_python.so": b"python",
}
CUDA = {"nvidia/cu13/lib/libcudart.so.13": b"cudart", "nvidia/cu13/lib/libother.so.1": b"other"}


def wheel(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def libtorch(folder, version="2.11.0+cu130"):
    """A folder that looks like libtorch."""
    os.makedirs(os.path.join(folder, "include"))
    os.makedirs(os.path.join(folder, "lib"))
    for name in ("torch_cpu", "c10"):
        with open(setup.library(folder, name), "wb"):
            pass
    with open(os.path.join(folder, "build-version"), "w", encoding="utf-8") as file:
        file.write(version + "\n")
    return folder


class SetUp(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = os.path.realpath(scratch.name)
        self.root = self.folder("checkout")
        self.env = {"HOME": self.scratch, "XDG_CACHE_HOME": self.folder("cache"), "FAUS_LIBTORCH": "cpu"}
        self.cache = os.path.join(self.env["XDG_CACHE_HOME"], "faus")
        self.said = []
        self.server = Server()
        self.addCleanup(self.server.close)
        self.serve(wheel(TORCH), wheel(CUDA))
        for name, value in (
            ("platform_name", lambda: PLATFORM),
            ("check_loads", lambda path: None),
            ("clean_torch_sys", lambda *_: None),
        ):
            self.patch(name, value)
        self.patch("ask_pip", lambda wheels, *_: {w["package"]: self.url(w["package"]) for w in wheels})

    def folder(self, name):
        path = os.path.join(self.scratch, name)
        os.makedirs(path)
        return path

    def patch(self, name, value):
        patcher = mock.patch.object(setup, name, value)
        patcher.start()
        self.addCleanup(patcher.stop)

    def url(self, package):
        return self.server.url.replace("file.whl", package)

    def serve(self, torch, cuda):
        self.server.files = {"/torch": torch, "/cuda": cuda}
        wheels = [
            {"package": name, "version": "1", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in (("torch", torch), ("cuda", cuda))
        ]
        sets = {kind: {"unpacked_bytes": 1, "wheels": wheels} for kind in ("cpu", "cuda13")}
        self.pins = os.path.join(self.scratch, "pins.json")
        with open(self.pins, "w", encoding="utf-8") as file:
            json.dump({PLATFORM: {"platforms": [], "sets": sets}}, file)
        self.patch("PINS", self.pins)

    def run_setup(self, root=None, **env):
        with contextlib.redirect_stderr(io.StringIO()), mock.patch("sys.stderr", io.StringIO()):
            setup.set_up({**self.env, **env}, root or self.root, self.said.append)
        return os.path.realpath(os.path.join(root or self.root, ".libtorch"))

    def test_fills_the_cache_with_the_small_set(self):
        folder = self.run_setup()
        self.assertTrue(folder.startswith(self.cache))
        self.assertEqual(setup.version_of(folder), "2.11.0+cpu")
        self.assertIn("libcudart.so.13", os.listdir(os.path.join(folder, "lib")))
        for absent in ("libtorch_cuda.so", "libtorch_python.so", "libother.so.1"):
            self.assertNotIn(absent, os.listdir(os.path.join(folder, "lib")))
        self.assertTrue(os.stat(setup.library(folder, "c10")).st_mode & stat.S_IXUSR)
        self.assertEqual(os.listdir(os.path.join(self.cache, "downloads")), [])
        self.assertIn("MB", self.said[0])

    def test_the_full_set_keeps_pips_layout(self):
        folder = self.run_setup(FAUS_LIBTORCH="cuda")
        self.assertTrue(folder.endswith("/torch"))
        self.assertTrue(os.path.exists(os.path.join(folder, "lib", "libtorch_cuda.so")))
        self.assertTrue(os.path.exists(os.path.join(folder, "../nvidia/cu13/lib/libother.so.1")))

    def test_a_second_run_and_a_second_checkout_ask_nothing(self):
        first = self.run_setup()
        self.server.asked.clear()
        self.assertEqual(self.run_setup(), first)
        self.assertEqual(self.run_setup(self.folder("second checkout")), first)
        self.assertEqual(self.server.asked, [])

    def test_goes_on_where_a_stopped_run_ended(self):
        whole = len(self.server.files["/torch"])
        self.server.cuts = [100] + [0] * fetch.ATTEMPTS_WITHOUT_PROGRESS
        with mock.patch("time.sleep"), self.assertRaises(fetch.FetchError):
            self.run_setup()
        self.server.cuts.clear()
        self.server.asked.clear()
        self.run_setup()
        self.assertEqual(self.server.asked[0], f"bytes=100-{whole - 1}")

    def test_only_the_pinned_pieces_are_fetched(self):
        data = self.server.files["/torch"]
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            cuda = archive.getinfo("torch/lib/libtorch_cuda.so").header_offset
            start = archive.getinfo("torch/include/torch/csrc/api/include/torch/version.h").header_offset
            tail = archive.start_dir
        with open(self.pins, encoding="utf-8") as file:
            pins = json.load(file)
        pins[PLATFORM]["sets"]["cpu"]["wheels"][0]["pieces"] = [
            {"start": a, "end": b, "sha256": hashlib.sha256(data[a:b]).hexdigest()}
            for a, b in ((start, cuda), (tail, len(data)))
        ]
        with open(self.pins, "w", encoding="utf-8") as file:
            json.dump(pins, file)
        folder = self.run_setup()
        self.assertEqual(self.server.asked[0], f"bytes={start}-{cuda - 1}")
        with open(os.path.join(folder, "lib", "libtorch_cpu.so"), "rb") as file:
            self.assertEqual(file.read(), TORCH["torch/lib/libtorch_cpu.so"])

    def test_wrong_contents_leave_no_libtorch(self):
        self.server.files["/torch"] = bytes(len(self.server.files["/torch"]))
        with self.assertRaisesRegex(fetch.FetchError, "wrong contents"):
            self.run_setup()
        self.assertFalse(os.path.lexists(os.path.join(self.root, ".libtorch")))
        self.assertEqual(sorted(os.listdir(self.cache)), ["downloads", "lock"])

    def test_leftovers_of_a_killed_run_are_removed(self):
        leftover = os.path.join(self.cache, f"libtorch-{setup.VERSION}-cpu-{PLATFORM}.tmp-1")
        os.makedirs(leftover)
        self.run_setup()
        self.assertFalse(os.path.exists(leftover))

    def test_a_damaged_cache_is_filled_again(self):
        folder = self.run_setup()
        os.remove(setup.library(folder, "torch_cpu"))
        self.assertEqual(self.run_setup(), folder)
        self.assertIsNone(setup.problem_with(folder))

    def test_too_little_space_is_said_before_the_download(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            with self.assertRaisesRegex(setup.SetupError, "XDG_CACHE_HOME"):
                self.run_setup()
        self.assertEqual(self.server.asked, [])

    def test_a_cache_that_cannot_be_made_is_named(self):
        with open(os.path.join(self.scratch, "file"), "w", encoding="utf-8"):
            pass
        with self.assertRaisesRegex(setup.SetupError, "set XDG_CACHE_HOME"):
            self.run_setup(XDG_CACHE_HOME=os.path.join(self.scratch, "file"))

    def test_a_library_that_does_not_load_is_not_installed(self):
        with mock.patch.object(setup, "check_loads", side_effect=setup.SetupError("does not load")):
            with self.assertRaises(setup.SetupError):
                self.run_setup()
        self.assertEqual(sorted(os.listdir(self.cache))[1:], ["lock"])

    def test_waits_for_another_set_up(self):
        os.makedirs(self.cache)
        with open(os.path.join(self.cache, "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

            def say(line):
                self.said.append(line)
                fcntl.flock(lock, fcntl.LOCK_UN)

            with setup.only_one(self.cache, say):
                self.assertIn("waiting", self.said[-1])

    def test_the_users_libtorch_is_taken(self):
        own = libtorch(os.path.join(self.scratch, "own"))
        self.assertEqual(self.run_setup(LIBTORCH=own), own)
        self.assertEqual(self.server.asked, [])

    def test_the_users_libtorch_of_another_version_is_refused(self):
        own = libtorch(os.path.join(self.scratch, "own"), "2.4.1")
        with self.assertRaisesRegex(setup.SetupError, "2.4.1.*needs 2.11.0.*unset"):
            self.run_setup(LIBTORCH=own)
        self.assertEqual(self.run_setup(LIBTORCH=own, LIBTORCH_BYPASS_VERSION_CHECK="1"), own)

    def test_a_libtorch_that_is_none_is_refused(self):
        for folder, reason in ((self.folder("empty"), "libtorch_cpu.* is missing"), ("some/where", "relative")):
            with self.assertRaisesRegex(setup.SetupError, reason):
                self.run_setup(LIBTORCH=folder)

    def test_our_own_link_in_LIBTORCH_is_not_the_users(self):
        # cargo sets it for what runs under `cargo test` or `cargo run`.
        self.assertTrue(self.run_setup(LIBTORCH=os.path.join(self.root, ".libtorch")).startswith(self.cache))

    def environment(self, version):
        """A virtual environment whose python says that its torch is a made-up one."""
        torch = libtorch(os.path.join(self.scratch, "env", "torch"), version)
        python = os.path.join(self.folder("env/bin"), "python")
        with open(python, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho '{torch}'\n")
        os.chmod(python, 0o755)
        return os.path.join(self.scratch, "env"), torch

    def test_the_active_environments_torch_is_taken(self):
        environment, torch = self.environment("2.11.0")
        self.assertEqual(self.run_setup(VIRTUAL_ENV=environment, FAUS_LIBTORCH=""), torch)

    def test_an_active_environment_with_another_torch_is_passed_over(self):
        environment, _ = self.environment("2.10.0")
        with mock.patch.object(setup, "gpu_answers", lambda: False):
            self.assertTrue(self.run_setup(VIRTUAL_ENV=environment, FAUS_LIBTORCH="").startswith(self.cache))

    def test_LIBTORCH_USE_PYTORCH_without_the_right_torch_is_refused(self):
        with mock.patch.object(setup, "torch_of", lambda python: None):
            with self.assertRaisesRegex(setup.SetupError, "pip install torch==2.11.0"):
                self.run_setup(LIBTORCH_USE_PYTORCH="1")

    def test_a_link_that_works_stays(self):
        own = libtorch(os.path.join(self.scratch, "own"))
        self.run_setup(LIBTORCH=own)
        self.assertEqual(self.run_setup(FAUS_LIBTORCH=""), own)

    def test_a_gpu_that_the_link_leaves_idle_is_said(self):
        own = libtorch(os.path.join(self.scratch, "own"))
        self.run_setup(LIBTORCH=own)
        for gpu, cuda, hints in ((False, False, 0), (True, False, 1), (True, True, 0)):
            if cuda:
                with open(setup.library(own, "torch_cuda"), "wb"):
                    pass
            self.said.clear()
            with mock.patch.object(setup, "gpu_answers", lambda gpu=gpu: gpu):
                self.assertEqual(self.run_setup(FAUS_LIBTORCH=""), own)
            self.assertEqual(sum("FAUS_LIBTORCH=cuda just setup" in line for line in self.said), hints)

    def test_a_gpu_decides_and_FAUS_LIBTORCH_overrules(self):
        sets = {"cpu": 0, "cuda13": 0}
        cases = ((True, "", "cuda13"), (False, "", "cpu"), (True, "cpu", "cpu"), (False, "cuda", "cuda13"))
        for gpu, asked, wanted in cases:
            with mock.patch.object(setup, "gpu_answers", lambda gpu=gpu: gpu):
                self.assertEqual(setup.wanted_set({"FAUS_LIBTORCH": asked}, sets), wanted)
        with self.assertRaisesRegex(setup.SetupError, "no CUDA"):
            setup.wanted_set({"FAUS_LIBTORCH": "cuda"}, {"cpu": 0})
        with self.assertRaisesRegex(setup.SetupError, "unknown"):
            setup.wanted_set({"FAUS_LIBTORCH": "rocm"}, sets)


class Pip(unittest.TestCase):
    def ask(self, returncode, stdout=b"", stderr=b""):
        answer = subprocess.CompletedProcess([], returncode, stdout, stderr)
        wheels = [{"package": "torch", "version": "1", "sha256": "a" * 64}]
        with mock.patch.object(setup, "pip_command", lambda cache: (["pip"], {})):
            with mock.patch("subprocess.run", return_value=answer):
                return setup.ask_pip(wheels, ["any"], "cache")

    def report(self, sha256):
        info = {"url": "u", "archive_info": {"hashes": {"sha256": sha256}}}
        return json.dumps({"install": [{"metadata": {"name": "torch"}, "download_info": info}]}).encode()

    def test_gives_the_url(self):
        self.assertEqual(self.ask(0, self.report("a" * 64)), {"torch": "u"})

    def test_another_file_of_that_name_is_refused(self):
        with self.assertRaisesRegex(setup.SetupError, "offers another torch"):
            self.ask(0, self.report("b" * 64))

    def test_what_pip_complains_about_is_passed_on(self):
        with self.assertRaisesRegex(setup.SetupError, "(?s)network.*no route"):
            self.ask(1, stderr=b"no route")

    def test_no_pip_is_said(self):
        with mock.patch("subprocess.run", return_value=subprocess.CompletedProcess([], 1, b"", b"")):
            with self.assertRaisesRegex(setup.SetupError, "has no pip"):
                setup.pip_command("cache")


class Table(unittest.TestCase):
    def test_every_platform_has_a_checked_small_set(self):
        with open(setup.PINS, encoding="utf-8") as file:
            table = json.load(file)
        self.assertEqual(sorted(table), ["linux-aarch64", "linux-x86_64", "macos-arm64"])
        for entry in table.values():
            for wheels in (kind["wheels"] for kind in entry["sets"].values()):
                self.assertEqual(wheels[0]["version"], setup.VERSION)
                for piece in (piece for one in wheels for piece in setup.pieces(one)):
                    self.assertEqual(len(piece["sha256"]), 64)
                    self.assertLess(piece["start"], piece["end"])

    def test_members_stay_inside(self):
        for member in ("torch/include/../../x", "torch/lib/../libx.so", "/torch/lib/libx.so", "torch/lib/"):
            self.assertIsNone(setup.place(member, "cpu"))


if __name__ == "__main__":
    unittest.main()
