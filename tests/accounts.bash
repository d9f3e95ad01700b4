# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# `load accounts`: profiles of the aliyun tool, and the services that provide keys.
#
#   sts          starts a fake STS in sts/; teardown stops it by $STS_PID
#   profiles CURRENT JSON...   writes $CONFIG
#   instance     imitates an instance with a RAM role, until $METADATA_PID ends

# shellcheck disable=SC2034 # for the tests

ACCOUNT=1234567890123456
CALLER='"access_key_id": "LTAI-caller", "access_key_secret": "s3cret/of+the=caller"'
FILE='"mode": "AK", "access_key_id": "LTAI-file", "access_key_secret": "s3cret-of-file"'
FINAL="\"ram_role_arn\": \"acs:ram::$ACCOUNT:role/final\""

# sts: one that knows the caller LTAI-caller, the keys of the role "middle" and of the instance's, and three roles.
sts() {
    mkdir -p "$BATS_TEST_TMPDIR/sts"
    printf '%s\n' 'LTAI-caller s3cret/of+the=caller -' 'STS.middle s3cret-of-middle t0ken-of-middle' \
        'STS.ecs s3cret-of-ecs sts-t0ken/of+the=role' 'LTAI-file s3cret-of-file -' 'LTAI-of-env s3cret-of-env -' \
        'STS.env s3cret-of-env t0ken-of-env' 'STS.final s3cret-of-final t0ken-of-final' \
        'STS.uri s3cret-of-uri t0ken-of-uri' >sts/callers
    printf "acs:ram::$ACCOUNT:role/%s\n" 'middle 3600' 'final 3600' 'short 200' >sts/roles
    "$TOP/tests/cloud/sts-server" sts 2>sts.err 3>&- &
    STS_PID=$!
    wait_for sts/sts.port
    export CCBAKE_STS_ENDPOINT
    CCBAKE_STS_ENDPOINT=http://127.0.0.1:$(cat sts/sts.port)
}

# profiles CURRENT JSON...: the aliyun tool's file.
profiles() {
    local current=$1 IFS=,
    shift
    printf '{"current": "%s", "profiles": [%s]}\n' "$current" "$*" >"$CONFIG"
}

# instance: this is one, with the role "uploader".
instance() {
    "$TOP/tests/upload/metadata-server" "$BATS_TEST_TMPDIR" uploader STS.ecs s3cret-of-ecs cn-beijing 2>/dev/null 3>&- &
    METADATA_PID=$!
    wait_for metadata.port
    unset ALIBABA_CLOUD_ECS_METADATA_DISABLED
    export CCBAKE_ECS_METADATA
    CCBAKE_ECS_METADATA=http://127.0.0.1:$(cat metadata.port)
}
