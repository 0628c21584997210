#!/bin/sh
# Links every binary (.cargo/config.toml): `cc`, plus libtorch's folder as run-time search path if it is among the library
# folders, so that nobody has to set LD_LIBRARY_PATH. On Linux as RPATH: RUNPATH, the linker's default, would lose to an
# LD_LIBRARY_PATH with the libtorch of another PyTorch, as modules and conda set it.
for argument; do
    folder=${argument#-L}
    # Resolved: the binary keeps working when the checkout with its `.libtorch` link is gone.
    if [ -e "$folder/libtorch_cpu.so" ]; then
        exec cc "$@" "-Wl,--disable-new-dtags,-rpath,$(cd "$folder" && pwd -P)"
    elif [ -e "$folder/libtorch_cpu.dylib" ]; then
        exec cc "$@" "-Wl,-rpath,$(cd "$folder" && pwd -P)"
    fi
done
exec cc "$@"
