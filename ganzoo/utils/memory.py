"""How the C library gives memory back to the system. Only a program may choose this for itself; a library may not."""

from __future__ import annotations

import ctypes
import os
import platform

__all__ = ["keep_freed_memory"]

# The parameters of `mallopt`, from glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = 32 * 2**20  # the largest block that glibc takes from the heap
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep freed blocks of up to 32 MiB for later ones, for the rest of this process; only glibc on Linux can.

    By default, glibc gives large blocks back to the system at once. A training step then gets thousands of new pages,
    each of which the system has to clear. Who sets the environment variables of glibc has chosen already.
    """
    chosen = {"GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"} & os.environ.keys()
    if platform.libc_ver()[0] == "glibc" and not chosen:
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)
