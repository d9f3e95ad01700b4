# SPDX-License-Identifier: GPL-2.0-or-later
"""STAND-IN for nv_attestation_sdk.attestation: attests nothing."""
import standin_jwt  # noqa: F401  (the real one signs its results)
import standin_nvml


class Attestation:
    def __init__(self, name=None):
        self.name = name

    def attest(self, evidence_list=None):
        standin_nvml.require_gpu()
        return False
