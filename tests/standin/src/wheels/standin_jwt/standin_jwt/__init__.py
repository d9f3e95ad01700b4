# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for a library that signs tokens: does nothing."""
