# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for ppcie.verifier.verification: without GPUs it fails, and says so."""
import argparse
import sys

import nv_attestation_sdk.attestation
import standin_nvml

MODES = ("LOCAL", "REMOTE")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="ppcie.verifier.verification", description=__doc__)
    parser.add_argument("--gpu-attestation-mode", choices=MODES, required=True)
    parser.add_argument("--switch-attestation-mode", choices=MODES, required=True)
    parser.add_argument("--log")
    return parser.parse_args()


def main():
    parse_arguments()
    try:
        nv_attestation_sdk.attestation.Attestation("ppcie").attest()
    except standin_nvml.NoGpuError as error:
        print(f"PPCIE verification failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
