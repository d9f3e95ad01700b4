# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for NVIDIA's attestation SDK."""
