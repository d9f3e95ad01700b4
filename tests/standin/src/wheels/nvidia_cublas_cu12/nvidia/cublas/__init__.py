# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for cuBLAS: bulk without use."""
