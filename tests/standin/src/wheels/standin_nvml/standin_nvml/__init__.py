# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for the NVML bindings: says whether there is a GPU to ask."""
import os


class NoGpuError(RuntimeError):
    """There is no NVIDIA GPU, or its driver is not running."""


def require_gpu():
    if not os.path.exists("/dev/nvidiactl"):
        raise NoGpuError("no NVIDIA GPU found: the NVIDIA driver is not running")
    raise NoGpuError("this is a stand-in and can't ask a GPU")
