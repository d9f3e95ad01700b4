#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The fake STS of credentials.bats accepts requests that the vendor's official SDK (from npm) signs, and refuses wrong ones.
load helpers

ROLE=acs:ram::1234567890123456:role/final

setup_file() {
    export MODULES=$BUILD/npm-pop/node_modules
    must_have "node and npm" command -v node npm
    if [[ ! -e $MODULES/@alicloud/pop-core ]]; then
        mkdir -p "$BUILD/npm-pop"
        npm install --prefix "$BUILD/npm-pop" --silent --no-audit --no-fund --ignore-scripts @alicloud/pop-core@1.8.0
    fi
    cd "$BATS_FILE_TMPDIR" || return
    printf '%s\n' 'LTAI-caller s3cret/of+the=caller -' 'STS.middle s3cret-of-middle t0ken/of+middle=' >callers
    echo "$ROLE 3600" >roles
    "$TOP/tests/cloud/sts-server" . 2>sts.err 3>&- &
    export STS_PID=$!
    for _ in {1..200}; do
        [[ ! -s sts.port ]] || break
        sleep 0.05
    done
}

teardown_file() {
    [[ -z ${STS_PID:-} ]] || kill "$STS_PID"
}

# sdk RC OUTPUT ID SECRET TOKEN
sdk() {
    run node "$TOP/tests/cloud/sts.js" "$MODULES" "http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/sts.port")" "${@:3}" "$ROLE"
    assert_equal "$status $output" "$1 $2"
}

@test "credentials: what the SDK signs is taken" {
    sdk 0 STS.final LTAI-caller s3cret/of+the=caller ''
    sdk 0 STS.final STS.middle s3cret-of-middle t0ken/of+middle=
}

@test "credentials: what it signs with another secret or token is refused" {
    sdk 1 SignatureDoesNotMatch LTAI-caller other ''
    sdk 1 MissingSecurityToken STS.middle s3cret-of-middle ''
    sdk 1 InvalidSecurityToken.Malformed STS.middle s3cret-of-middle other
    sdk 1 InvalidAccessKeyId.NotFound nobody other ''
}
