#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake upload to two more servers of others: Ceph's radosgw, and s3rver.  The object is read back by curl with its own
# signatures, or from the server's files.

load helpers
load accounts

KEY_ID=tester
SECRET=sup3r-s3cret+/tester

setup_file() {
    # In its own directory, because tests/request-sdk.bats may run npm at the same time.
    local dir=$BATS_FILE_TMPDIR modules=$BUILD/npm-s3rver/node_modules program server
    # The keys of accounts.bash.
    local keys=(STS.final s3cret-of-final STS.ecs s3cret-of-ecs STS.uri s3cret-of-uri LTAI-file s3cret-of-file)
    for program in radosgw ceph-mon ceph-osd node npm; do
        must_have "$program" command -v "$program"
    done
    if [[ ! -e $modules/s3rver ]]; then
        mkdir -p "$BUILD/npm-s3rver"
        npm install --prefix "$BUILD/npm-s3rver" --silent --no-audit --no-fund --ignore-scripts s3rver@3.7.1
    fi
    "$TOP/tests/upload/radosgw-server" "$dir/radosgw" "${keys[@]}" >"$dir/radosgw.log" 2>&1 3>&- &
    export RADOSGW_PID=$!
    "$TOP/tests/upload/s3rver-server" "$modules" "$dir/s3rver" "${keys[@]}" >"$dir/s3rver.log" 2>&1 3>&- &
    export S3RVER_PID=$!
    head -c 17000000 /dev/urandom >"$dir/image"
    for server in radosgw s3rver; do
        wait_for "$dir/$server/port" || fail "$server does not answer" "$(cat "$dir/$server.log")"
        ask "$server" images -X PUT
    done
    ask s3rver images.localhost -X PUT
}

teardown() {
    [[ -z ${STS_PID:-} ]] || kill "$STS_PID"
    [[ -z ${METADATA_PID:-} ]] || kill "$METADATA_PID"
}

teardown_file() {
    kill ${RADOSGW_PID:+"$RADOSGW_PID"} ${S3RVER_PID:+"$S3RVER_PID"}
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export HOME=$BATS_TEST_TMPDIR CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    export ALIBABA_CLOUD_ACCESS_KEY_ID=$KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET=$SECRET
    export ALIBABA_CLOUD_ECS_METADATA_DISABLED=true
    KEY=$BATS_TEST_NUMBER-image # each test its own object
    IMAGE=$BATS_FILE_TMPDIR/image
}

port() {
    cat "$BATS_FILE_TMPDIR/$1/port"
}

# ask SERVER PATH [OPTION]...: of curl.
ask() {
    curl -sS --fail-with-body --aws-sigv4 aws:amz:cn-beijing:s3 --user "$KEY_ID:$SECRET" \
        -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d' ' -f1)" "http://127.0.0.1:$(port "$1")/$2" "${@:3}"
}

# upload SERVER [RC] HOST [OPTION]...: the image to its key.
upload() {
    local server=$1 expected=0
    shift
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run_ccbake "$expected" upload -e "http://$1:$(port "$server")" -r cn-beijing "${@:2}" "$IMAGE" \
        "oss://${BUCKET:-images}/$KEY"
}

# kill_in_the_middle SERVER HOST: of an upload in four parts, one after the other, when the first is there.
kill_in_the_middle() {
    "$CCBAKE" upload -q -e "http://$2:$(port "$1")" -r cn-beijing --part-size=5M --connections=1 --limit-rate=4M \
        "$IMAGE" "oss://images/$KEY" 3>&- &
    local pid=$! status=0
    sleep 2.2 # a part takes 1.25 s
    kill -9 "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 137
}

# arrived_in_radosgw: the object is the image, and nothing of an upload is left.
arrived_in_radosgw() {
    ask radosgw "images/$KEY" -D headers >got
    cmp got "$IMAGE"
    grep -i "^x-amz-meta-ccbake-sha256: $(sha256sum "$IMAGE" | cut -d ' ' -f 1)" headers
    # curl signs a query as it stands: in order.
    ask radosgw "images?prefix=$(jq -rn --arg key "$KEY" '$key | @uri')&uploads=" >uploads
    grep -q '<ListMultipartUploadsResult' uploads
    [[ $(<uploads) != *'<UploadId>'* ]] || fail "$(cat uploads)"
}

@test "radosgw: in parts, before the host and in the path; the next time nothing is sent" {
    local where n=100
    for where in localhost 127.0.0.1 'localhost --addressing=path' 'images.localhost --addressing=cname'; do
        KEY=$((++n))-image
        # shellcheck disable=SC2086 # host and option
        upload radosgw $where --part-size=5M
        assert_contains "uploaded oss://images/$KEY (17.0 MB sent, sha256 "
        [[ $output != *warning:* ]] || fail "$output"
        arrived_in_radosgw
        grep -iE '^etag: "[0-9a-f]{32}-4"' headers
        # shellcheck disable=SC2086
        upload radosgw $where
        assert_contains "current  oss://images/$KEY is this image: nothing to do"
    done
}

@test "radosgw: killed in the middle, the next run sends what is missing" {
    kill_in_the_middle radosgw localhost
    upload radosgw localhost
    [[ $output =~ resume\ +the\ server\ has\ (5\.2|10\.5).MB\ of\ an\ upload ]] || fail "$output"
    arrived_in_radosgw
    [[ $output != *"17.0 MB sent"* ]] || fail "$output"
}

@test "radosgw: EntityTooSmall comes last of all, and its hint can be followed" {
    upload radosgw 6 localhost --part-size=4M
    assert_contains "the server wants larger parts (HTTP 400, EntityTooSmall; request "
    assert_contains "hint: say a larger --part-size, as 5M, the least of S3: the upload begins anew with it"
    upload radosgw localhost --part-size=5M
    assert_contains "restart  the upload that was begun before has another --part-size"
    arrived_in_radosgw
}

@test "radosgw: keys that OSS does not take" {
    KEY=$(printf '%01024d' 7)
    upload radosgw localhost --part-size=5M
    arrived_in_radosgw
    KEY=/begins-with-a-slash
    upload radosgw localhost --part-size=5M
    arrived_in_radosgw
    KEY='back\slash/../一 +%41&<'
    upload radosgw localhost --part-size=5M
    ask radosgw 'images/back%5Cslash/../%E4%B8%80%20%2B%2541%26%3C' --path-as-is >got
    cmp got "$IMAGE"
}

@test "radosgw: refusals" {
    BUCKET=no-such-bucket upload radosgw 6 localhost
    assert_contains "there is no such bucket (HTTP 404, NoSuchBucket; request "
    ALIBABA_CLOUD_ACCESS_KEY_SECRET=wrong upload radosgw 6 localhost
    assert_contains "the access key secret does not belong to this access key ID (HTTP 403, SignatureDoesNotMatch; request "
    ALIBABA_CLOUD_ACCESS_KEY_ID=nobody upload radosgw 6 localhost
    assert_contains "the server does not know this access key ID (HTTP 403, InvalidAccessKeyId; request "
}

# It verifies both digests of a part: what is spoilt on the way never gets in.
@test "radosgw: what was spoilt on the way is sent again, and a last answer that was lost does not matter" {
    local dir=$BATS_TEST_TMPDIR/proxy pid
    mkdir "$dir"
    "$TOP/tests/upload/fault-proxy" "$dir" "$(port radosgw)" 3>&- &
    pid=$!
    until [[ -s $dir/proxy.port ]]; do sleep 0.05; done
    printf 'partNumber=%s&\tflip\t1\t1\n' 2 3 >"$dir/rules"
    printf 'POST .*uploadId\tmute\t1\t1\n' >>"$dir/rules"
    run_ccbake upload -e "http://localhost:$(cat "$dir/proxy.port")" -r cn-beijing --part-size=5M "$IMAGE" \
        "oss://images/$KEY"
    kill "$pid"
    assert_contains "part 2: what arrived is not what was sent (HTTP 400, "
    assert_contains "part 3: what arrived is not what was sent (HTTP 400, "
    arrived_in_radosgw
}

@test "radosgw: --abort-stale" {
    kill_in_the_middle radosgw localhost
    run_ccbake upload -e "http://localhost:$(port radosgw)" -r cn-beijing --abort-stale=1 oss://images/
    assert_equal "$output" ''
    run_ccbake upload -e "http://localhost:$(port radosgw)" -r cn-beijing --abort-stale=0 "oss://images/$KEY"
    assert_contains "aborted  oss://images/$KEY, begun $(date +%Y-)"
    upload radosgw localhost --part-size=5M
    assert_contains "restart  the server does not know the upload that was begun before"
    arrived_in_radosgw
}

# arrived_in_s3rver [BUCKET]: by the server's own file.
arrived_in_s3rver() {
    cmp "$BATS_FILE_TMPDIR/s3rver/${1:-images}/$KEY._S3rver_object" "$IMAGE"
}

@test "s3rver: in parts, before the host, in the path, and the host is the bucket; its ETag is the MD5 of all bytes" {
    local where n=100
    for where in s3.localhost 127.0.0.1 'localhost --addressing=path'; do
        KEY=$((++n))-image
        # shellcheck disable=SC2086 # host and option
        upload s3rver $where --part-size=5M
        assert_contains "warning: the server reports no checksum of the object that ccbake knows"
        assert_contains "uploaded oss://images/$KEY (17.0 MB sent, sha256 "
        arrived_in_s3rver
        # shellcheck disable=SC2086
        upload s3rver $where
        assert_contains "current  oss://images/$KEY is this image: nothing to do"
    done
    for where in images.localhost 'images.localhost --addressing=cname'; do
        KEY=$((++n))-image
        # shellcheck disable=SC2086
        BUCKET=images.localhost upload s3rver $where --part-size=5M
        arrived_in_s3rver images.localhost
    done
    ask s3rver "images.localhost/$KEY" -D headers >got
    cmp got "$IMAGE"
    grep -i "^etag: \"$(md5sum <"$IMAGE" | cut -d ' ' -f 1)\"" headers
}

@test "s3rver: killed in the middle; it lists no parts, and gets all of them again" {
    kill_in_the_middle s3rver s3.localhost
    upload s3rver s3.localhost
    assert_contains "warning: the server does not list the parts that it has: all are sent again"
    assert_contains "(17.0 MB sent, "
    arrived_in_s3rver
}

@test "s3rver: another --part-size, where it can't abort" {
    kill_in_the_middle s3rver s3.localhost
    upload s3rver s3.localhost --part-size=6M
    assert_contains "restart  the upload that was begun before has another --part-size"
    assert_contains "warning: the parts of an upload stay on the server: "
    arrived_in_s3rver
}

# importer: a place to run scripts/import-image in, without keys in the environment: `preflight` says yes, all else is
# ccbake's own; a fake aliyun with the real one's rules imports at once.
importer() {
    unset ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET
    export CONFIG=$HOME/.aliyun/config.json REAL=$CCBAKE PATH=$PWD/bin:$PATH CCBAKE_PAUSE=0
    mkdir -p bin "$HOME/.aliyun"
    printf '%s\n' '#!/bin/sh' '[ "$1" = preflight ] || exec "$REAL" "$@"' >bin/ccbake
    cat >bin/aliyun <<END
#!/bin/sh
"$TOP/tests/cloud/takes" "\$@" || exit 1
case "\$*" in
    *--dryrun*) ;;
    *DescribeImages*--ImageId*) echo '{"Images": {"Image": [{"ImageId": "m-1", "Status": "Available", "BootMode": "UEFI", "Features": {"NvmeSupport": "supported"}}]}}' ;;
    *DescribeImages*) echo '{"Images": {"Image": []}}' ;;
    *ImportImage*) echo '{"ImageId": "m-1", "TaskId": "t-1"}' ;;
    *) exit 1 ;;
esac
END
    chmod +x bin/ccbake bin/aliyun
    qemu-img create -q -f raw small.raw 5G
    qemu-img convert -O qcow2 small.raw image.qcow2
}

# imported SERVER KEY [OPTION]...
imported() {
    CCBAKE=$PWD/bin/ccbake run "$TOP/scripts/import-image" image.qcow2 "oss://images/$2" \
        --endpoint "http://127.0.0.1:$(port "$1")" "${@:3}"
    [[ $status == 0 ]] || fail "import-image, $2" "$output"
    assert_equal "${lines[-1]}" m-1
    ask "$1" "images/$2" >got
    cmp got image.qcow2
}

@test "import-image to its end, with the keys of each kind of profile" {
    local mode late
    importer
    sts
    instance
    late=$(($(date +%s) + 3000))
    echo oidc-t0ken.of-the.pod >token
    printf '#!/bin/sh\necho "{\\"mode\\": \\"AK\\", \\"access_key_id\\": \\"LTAI-file\\", \\"access_key_secret\\": \\"s3cret-of-file\\"}"\n' >give
    chmod +x give
    local session='"access_key_id": "STS.final", "access_key_secret": "s3cret-of-final", "sts_token": "t0ken-of-final"'
    declare -A kinds=(
        [AK]="$FILE"
        [StsToken]="$session"
        [RamRoleArn]="$CALLER, $FINAL"
        [ChainableRamRoleArn]="$FINAL, \"source_profile\": \"caller\""
        [EcsRamRole]='"ram_role_name": "uploader"'
        [RamRoleArnWithRoleName]="\"ram_role_name\": \"uploader\", $FINAL"
        [OIDC]="$FINAL, \"oidc_provider_arn\": \"acs:ram::$ACCOUNT:oidc-provider/ci\", \"oidc_token_file\": \"$PWD/token\""
        [External]="\"process_command\": \"$PWD/give\""
        [CredentialsURI]="\"credentials_uri\": \"$CCBAKE_STS_ENDPOINT/keys\""
        [CloudSSO]="$session, \"sts_expiration\": $late"
        [OAuth]="$session, \"sts_expiration\": $late"
    )
    for mode in "${!kinds[@]}"; do
        profiles other '{"name": "other", "mode": "AK", "access_key_id": "a", "access_key_secret": "b"}' \
            "{\"name\": \"caller\", \"mode\": \"AK\", $CALLER}" "{\"name\": \"x\", ${kinds[$mode]}, \"mode\": \"$mode\"}"
        imported radosgw "$mode" --profile=x
        imported s3rver "$mode" --profile=x # which does not look at the signature
    done
    imported radosgw "$mode" --profile=x
    assert_contains "current  oss://images/$mode is this image: nothing to do"
}
