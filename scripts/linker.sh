#!/bin/sh
# Links every binary (.cargo/config.toml): `cc`, plus libtorch's folder as run-time search path if it is among the library
# folders, so that nobody has to set LD_LIBRARY_PATH.
for argument; do
    folder=${argument#-L}
    if [ -e "$folder/libtorch_cpu.so" ] || [ -e "$folder/libtorch_cpu.dylib" ]; then
        # Resolved: the binary keeps working when the checkout with its `.libtorch` link is gone.
        exec cc "$@" "-Wl,-rpath,$(cd "$folder" && pwd -P)"
    fi
done
exec cc "$@"
