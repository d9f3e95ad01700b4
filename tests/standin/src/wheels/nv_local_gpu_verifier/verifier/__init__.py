# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for NVIDIA's local GPU verifier."""
