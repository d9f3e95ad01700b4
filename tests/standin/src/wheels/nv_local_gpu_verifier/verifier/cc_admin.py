# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for verifier.cc_admin: its options; without a GPU it fails, and says so."""
import argparse
import sys

import standin_nvml


def parse_arguments():
    parser = argparse.ArgumentParser(prog="verifier.cc_admin", description=__doc__)
    parser.add_argument("--user_mode", action="store_true")
    parser.add_argument("--allow_hold_cert", action="store_true")
    parser.add_argument("--verbose", "-v", action="store_true")
    parser.add_argument("--nonce", "-n")
    return parser.parse_args()


def main():
    parse_arguments()
    try:
        standin_nvml.require_gpu()
    except standin_nvml.NoGpuError as error:
        print(f"Local GPU attestation failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
