#!/bin/sh
# The linker of every binary (.cargo/config.toml): `cc`, and the folder of libtorch as run-time search path where one is
# among the library folders, so that nobody has to set LD_LIBRARY_PATH.
for argument; do
    folder=${argument#-L}
    if [ -e "$folder/libtorch_cpu.so" ] || [ -e "$folder/libtorch_cpu.dylib" ]; then
        # Resolved, so that the binary keeps working when the checkout with its `.libtorch` link is gone.
        exec cc "$@" "-Wl,-rpath,$(cd "$folder" && pwd -P)"
    fi
done
exec cc "$@"
