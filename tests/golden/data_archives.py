"""Zip archives with everything that Python's zipfile can put into one that a reader should be wary of.

Makes crates/data/tests/golden/archives/*.zip: tiny files, no data of anybody's.
"""

import io
import stat
import zipfile
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent.parent / "crates/data/tests/golden/archives"
TIME = (2020, 1, 1, 0, 0, 0)


def entry(name, mode=None, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name, TIME)
    info.compress_type = method
    if mode is not None:
        info.create_system, info.external_attr = 3, mode << 16
    return info


def write(name, entries):
    with zipfile.ZipFile(OUT / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write("usual.zip", [
        (entry("top/"), b""),
        (entry("top/a/deep/one.txt"), b"one"),
        (entry("./top/a/two.txt", method=zipfile.ZIP_STORED), b"two"),
        (entry("top/three.txt"), b"3" * 5000),
        (entry("__MACOSX/top/._three.txt"), b"x"),
        (entry("top/.DS_Store"), b"x"),
        (entry("top/a/._two.txt"), b"x"),
    ])
    write("wary.zip", [
        (entry("good.txt"), b"good"),
        (entry("../up.txt"), b"x"),
        (entry("a/../../up.txt"), b"x"),
        (entry("/absolute.txt"), b"x"),
        (entry("C:/drive.txt"), b"x"),
        (entry("link.txt", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (entry("a//b.txt"), b"x"),
        (entry("d/" * 100 + "deep.txt"), b"x"),
    ])
    write("bomb.zip", [(entry("zeros.txt"), bytes(8 << 20)), (entry("small.txt"), b"small")])
    write("packed.zip", [(entry("lzma.txt", method=zipfile.ZIP_LZMA), b"x" * 100)])
    write("twice.zip", [(entry("same.txt"), b"first"), (entry("same.txt"), b"second")])
    # zipfile writes no encryption: the flag is set by hand in both headers.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry("secret.txt"), b"secret")
    data = bytearray(buffer.getvalue())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags] |= 1
    (OUT / "encrypted.zip").write_bytes(data)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
