#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake upload to OpenStack Swift's S3 API (which checks signatures, digests and regions), through a proxy that causes faults.
# The proxy's log proves what was sent, and that the fault happened.

# shellcheck disable=SC2016 # what looks like a variable is meant for messages

load helpers

KEY_ID=test:tester
SECRET=sup3r-s3cret+/tester

setup_file() {
    local dir=$BATS_FILE_TMPDIR
    must_have "OpenStack Swift (python3-swift)" /usr/bin/python3 -c 'import swift.common.middleware.s3api'
    "$TOP/tests/upload/s3-server" "$dir/swift" >"$dir/swift.log" 2>&1 3>&- &
    export SWIFT_PID=$!
    wait_for "$dir/swift/port" || { cat "$dir/swift.log" >&2 && return 1; }
    "$TOP/tests/upload/fault-proxy" "$dir" "$(cat "$dir/swift/port")" 2>"$dir/proxy.log" 3>&- &
    export PROXY_PID=$!
    wait_for "$dir/proxy.port"
    head -c 2000000 /dev/urandom >"$dir/image"
    s3 PUT images
}

teardown_file() {
    [[ -z ${SWIFT_PID:-} ]] || kill "$SWIFT_PID" "$PROXY_PID"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export HOME=$BATS_TEST_TMPDIR CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    export ALIBABA_CLOUD_ACCESS_KEY_ID=$KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET=$SECRET
    export ALIBABA_CLOUD_ECS_METADATA_DISABLED=true
    PORT=$(cat "$BATS_FILE_TMPDIR/proxy.port")
    KEY=$BATS_TEST_NUMBER-image # each test its own object
    IMAGE=$BATS_FILE_TMPDIR/image
    forget
}

# No key is ever in what a test has printed or left.
teardown() {
    [[ -z ${METADATA_PID:-} ]] || kill "$METADATA_PID"
    [[ -z ${SINK_PIDS:-} ]] || kill "${SINK_PIDS[@]}"
    [[ -z $(grep -rlF -e "$SECRET" -e 'sts-t0ken/of' --exclude-dir=.aliyun "$BATS_TEST_TMPDIR") ]] ||
        fail "a secret is in a file of the test"
    [[ ${output:-} != *"$SECRET"* && ${output:-} != *sts-t0ken/of* ]] || fail "a secret was printed"
}

# forget: the rules and the log of the proxy.
forget() {
    : >"$BATS_FILE_TMPDIR/rules"
    : >"$BATS_FILE_TMPDIR/log"
}

# fault PATTERN FAULT [COUNT]
fault() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "${3:-1}" "$BATS_TEST_NUMBER-$RANDOM" >>"$BATS_FILE_TMPDIR/rules"
}

# s3 METHOD PATH [BODY-FILE]: asks the server itself.
s3() {
    "$TOP/tests/upload/s3" "http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/swift/port")" cn-beijing "$KEY_ID" "$SECRET" "$@"
}

# upload [RC] [OPTION]...: the image to its key, in parts of 128 KiB.
upload() {
    local expected=0
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run_ccbake "$expected" upload "--endpoint=http://localhost:$PORT" --region=cn-beijing --part-size=128k "$@" \
        "$IMAGE" "oss://images/$KEY"
}

# arrived [FILE]: the object is the file, and nothing of the upload is left.
arrived() {
    s3 GET "images/$KEY" >got
    cmp got "${1:-$IMAGE}"
    assert_equal "$(find "$CCBAKE_CACHE_DIR/uploads" -type f)" ''
}

# parts [STATUS]: how many parts were sent, or were answered so.
parts() {
    jq -s --argjson status "${1:-null}" '[.[] | select(.method == "PUT" and
        (.target | test("partNumber")) and ($status == null or .status == $status))] | length' "$BATS_FILE_TMPDIR/log"
}

spoilt() {
    jq -r 'select(.fault != "") | .fault' "$BATS_FILE_TMPDIR/log" | sort | uniq -c | sed 's/^ *//'
}

# unfinished [PREFIX]: how many uploads the server has that were not completed.
unfinished() {
    s3 GET "images?prefix=${1-$KEY}&uploads=" | grep -o '<UploadId>' | wc -l
}

@test "upload: the object is the file; the next time nothing is sent" {
    upload
    assert_contains "uploaded oss://images/$KEY (2.0 MB sent, sha256 $(sha256sum "$IMAGE" | cut -c 1-12))"
    arrived
    assert_equal "$(parts)" 16
    HEADERS=headers s3 GET "images/$KEY" >got
    grep -i "^x-amz-meta-ccbake-sha256: $(sha256sum "$IMAGE" | cut -d ' ' -f 1)" headers
    forget
    upload
    assert_contains "current  oss://images/$KEY is this image: nothing to do"
    assert_equal "$(jq -r .method "$BATS_FILE_TMPDIR/log")" GET
}

@test "upload: a server at an IP address, a folder, a name with spaces and more, JSON" {
    local name='镜像 v1+2 (a&b=c)%41;~'
    cp "$IMAGE" "$name"
    run_ccbake upload -q --json "-e" "http://127.0.0.1:$PORT" -r cn-beijing "$name" "oss://images/un ter/"
    assert_equal "$(jq -c '[.result, .bucket, .key, .region, .size, .sent, .sha256]' <<<"$output")" \
        "[\"uploaded\",\"images\",\"un ter/$name\",\"cn-beijing\",2000000,2000000,\"$(sha256sum "$IMAGE" | cut -d ' ' -f 1)\"]"
    s3 GET 'images/un%20ter/%E9%95%9C%E5%83%8F%20v1%2B2%20%28a%26b%3Dc%29%2541%3B~' >got
    cmp got "$IMAGE"
}

@test "upload: dropped connections, 500, 503, delays and corruption on the way" {
    fault 'partNumber=1&' drop@50000 2
    fault 'partNumber=2&' error@500@InternalError
    fault 'partNumber=3&' error@503@SlowDown
    fault 'partNumber=4&' flip
    fault 'partNumber=5&' delay@700
    fault 'partNumber=6&' mute
    fault 'partNumber=7&' header@ETag@\"00000000000000000000000000000000\"
    fault 'POST .*uploads' error@503@ServiceUnavailable
    fault 'POST .*uploadId' error@500@InternalError
    upload
    arrived
    assert_equal "$(spoilt | wc -l)" 8
    assert_contains "part 1: "
    assert_contains "part 2: the server is in trouble (HTTP 500, InternalError: spoilt); trying again in"
    assert_contains "part 3: the server wants fewer requests (HTTP 503, SlowDown: spoilt); trying again in"
    assert_contains "part 4: what arrived is not what was sent (HTTP 400, "
    assert_contains "part 7: what the server has is not what was sent (ETag 00000000000000000000000000000000)"
    assert_equal "$(parts 200)" 17 # the first answer to part 7 was wrong
}

@test "upload: the answer to the last request is lost" {
    fault 'POST .*uploadId' mute
    upload
    arrived
    assert_equal "$(spoilt)" '1 mute'
}

@test "upload: it gives up in the end, and the next run goes on" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6 --connections=1
    assert_contains "ccbake: oss://images/$KEY: part 9: these credentials do not allow it (HTTP 403, AccessDenied: spoilt)
hint: an upload needs oss:GetObject"
    assert_equal "$(parts 200)" 8
    forget
    upload
    assert_contains "resume   the server has 1.0 MB of an upload that was begun before"
    assert_contains "(951.4 kB sent,"
    arrived
    assert_equal "$(parts)" 8
}

@test "upload: killed at any moment, the next run completes, and sends at most what was on its way again" {
    local i sent pid
    head -c 1200000 "$IMAGE" >small
    local command=("$CCBAKE" upload -q -e "http://localhost:$PORT" -r cn-beijing --part-size=100k small)
    for i in {1..10}; do
        KEY=$BATS_TEST_NUMBER-$i
        forget
        fault 'PUT' slow@500000 100 # 0.2 s a part, three of them one after the other
        "${command[@]}" "oss://images/$KEY" 3>&- &
        pid=$!
        sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
        if kill -9 "$pid" 2>/dev/null; then
            wait "$pid" || assert_equal "$?" 137
        else
            wait "$pid" # it was done
        fi
        : >"$BATS_FILE_TMPDIR/rules"
        sleep 0.3 # what the server is told by now
        sent=$(parts 200)
        "${command[@]}" "oss://images/$KEY"
        arrived small
        echo "$i: $sent parts, then $(($(parts 200) - sent))"
        (($(parts 200) <= 12 + 4)) || fail "$(parts 200) parts were sent, of 12"
    done
}

@test "upload: the image is another one when it goes on" {
    cp "$IMAGE" image
    fault 'partNumber=9&' error@403@AccessDenied
    IMAGE=image upload 6 --connections=1
    forget
    damage image 1000
    IMAGE=image upload
    assert_contains "restart  the upload that was begun before was of another content"
    assert_equal "$(parts)" 16
    arrived image
    assert_equal "$(unfinished)" 0
}

@test "upload: what the server has is not what it said it had" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6 --connections=1
    local id
    id=$(jq -r .upload_id "$CCBAKE_CACHE_DIR"/uploads/*)
    head -c 131072 /dev/urandom >other
    s3 PUT "images/$KEY?partNumber=3&uploadId=$id" other
    forget
    upload
    arrived
    assert_equal "$(parts)" 9 # 9 to 16, and the third
}

@test "upload: the server has forgotten the upload" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6 --connections=1
    s3 DELETE "images/$KEY?uploadId=$(jq -r .upload_id "$CCBAKE_CACHE_DIR"/uploads/*)"
    forget
    upload
    assert_contains "restart  the server does not know the upload that was begun before"
    arrived
    assert_equal "$(parts)" 16
}

@test "upload: the image changes meanwhile" {
    cp "$IMAGE" image
    fault 'PUT' slow@400000 100
    (sleep 0.7 && damage image 1000) 3>&- &
    IMAGE=image upload 4
    assert_contains "ccbake: image has changed while it was uploaded
hint: see that nothing writes to it, and run the same command again"
    assert_equal "$(unfinished)" 0
    assert_equal "$(find "$CCBAKE_CACHE_DIR/uploads" -type f)" ''
}

@test "upload: the image changes meanwhile, and its time is set back" {
    cp "$IMAGE" image
    touch -r image time
    fault 'PUT' slow@400000 100
    (sleep 0.7 && damage image 1000 && touch -r time image) 3>&- &
    IMAGE=image upload 4
    assert_contains "ccbake: image has changed while it was uploaded"
}

@test "upload: another object is replaced with --force only" {
    echo other >other
    s3 PUT "images/$KEY" other
    upload 2
    assert_contains "ccbake: oss://images/$KEY: another object is there already
hint: --force replaces it"
    assert_equal "$(s3 GET "images/$KEY")" other
    upload --force
    arrived
}

@test "upload: an object that appears meanwhile stays" {
    fault 'POST .*uploadId' error@400@EntityTooSmall
    upload 6
    echo other >other
    s3 PUT "images/$KEY" other
    upload 2
    assert_contains "another object is there already"
    assert_equal "$(s3 GET "images/$KEY")" other
    forget
    upload --force
    arrived
    assert_equal "$(parts)" 0
}

@test "upload: a checksum of the whole that the server reports is compared" {
    # Python's standard library knows none of 64 bits.
    local crc
    crc=$(/usr/bin/python3 - "$IMAGE" <<'END'
import sys
table = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0xC96C5795D7870F42 if byte & 1 else 0)
    table.append(byte)
crc = 2**64 - 1
for byte in open(sys.argv[1], "rb").read():
    crc = crc >> 8 ^ table[(crc ^ byte) & 255]
print(crc ^ 2**64 - 1)
END
    )
    fault "GET .*$KEY\$" "header@x-oss-hash-crc64ecma@$crc" 9
    upload
    forget
    KEY=$KEY-wrong
    fault "GET .*$KEY\$" "header@x-oss-hash-crc64ecma@$((crc ^ 1))" 9
    upload 6
    assert_contains "the object is not the image: CRC-64 "
    assert_contains "hint: the object was removed; run the same command again"
    run s3 GET "images/$KEY"
    assert_contains NoSuchKey
    forget
    KEY=$KEY-etag
    fault "GET .*$KEY\$" 'header@ETag@"00000000000000000000000000000000-16"' 9
    upload 6
    assert_contains "the object is not the image: ETag 00000000000000000000000000000000-16, not "
    assert_contains "hint: the object was removed; run the same command again"
    run s3 GET "images/$KEY"
    assert_contains NoSuchKey
}

NO_CHECKSUM="warning: the server reports no checksum of the object that ccbake knows"

@test "upload: an ETag of the object that can't be compared proves nothing: the object stays, with a warning" {
    local etag etags=(
        '"00000000000000000000000000000000"'    # MD5 of all bytes
        '"00000000000000000000000000000000-17"' # of other parts than were sent
        '"00000193-0b5e-7d6a-8c3f-0123456789ab"'
        '"CJ+1z6Tz7PwCEAE="'
        '00000'
        ''
    )
    for etag in "${etags[@]}"; do
        KEY=$BATS_TEST_NUMBER-${#etag}
        fault "GET .*$KEY\$" "header@ETag@$etag" 9
        upload
        assert_contains "$NO_CHECKSUM"
        arrived
        upload
        assert_contains "current  oss://images/$KEY is this image: nothing to do"
    done
    # One that a proxy calls weak can be compared.
    KEY=$BATS_TEST_NUMBER-weak
    upload
    etag=$(HEADERS=headers s3 GET "images/$KEY" >got && sed -n 's/^ETag: "*\([^"]*\)"*/\1/Ip' headers)
    s3 DELETE "images/$KEY"
    fault "GET .*$KEY\$" "header@ETag@W/\"$etag\"" 9
    upload
    [[ $output != *"$NO_CHECKSUM"* ]] || fail "$output"
    arrived
}

# sink NAME [OPTION]...: a server that keeps digests only, behind a proxy that spoils things; `upload` goes to it, in 20
# parts of an image of 2 MB.
sink() {
    local dir=$BATS_TEST_TMPDIR/$1
    mkdir "$dir"
    "$TOP/tests/upload/sink" "$dir/port" "${@:2}" 3>&- &
    SINK_PIDS+=($!)
    wait_for "$dir/port"
    "$TOP/tests/upload/fault-proxy" "$dir" "$(cat "$dir/port")" 3>&- &
    SINK_PIDS+=($!)
    wait_for "$dir/proxy.port"
    PORT=$(cat "$dir/proxy.port")
}

# sent NAME STATUS: how many parts were sent to it, and answered so.
sent() {
    jq -s --argjson status "$2" '[.[] | select(.method == "PUT" and .status == $status)] | length' \
        "$BATS_TEST_TMPDIR/$1/log"
}

# Which ETags say that the object is right, or wrong, and which say nothing; an upload that is stopped is gone on with,
# whatever those of its parts are.
@test "upload: servers with ETags of every kind" {
    local kind
    for kind in md5 whole opaque kms wrong; do
        sink "$kind" "--etags=$kind"
        printf 'partNumber=9&\terror@403@AccessDenied\t1\t1\n' >"$BATS_TEST_TMPDIR/$kind/rules"
        upload 6 --connections=1
        assert_equal "$kind $(sent "$kind" 200)" "$kind 8"
        if [[ $kind == wrong ]]; then
            upload 6
            assert_contains "the object is not the image: ETag "
            assert_contains "hint: the object was removed; run the same command again"
            forget
            upload 6
            assert_contains "the object is not the image: ETag "
            continue
        fi
        upload --connections=1
        assert_contains "resume   the server has 1.0 MB of an upload that was begun before"
        assert_equal "$kind $(sent "$kind" 200)" "$kind 16"
        if [[ $kind == md5 ]]; then
            [[ $output != *"$NO_CHECKSUM"* ]] || fail "$output"
        else
            assert_contains "$NO_CHECKSUM"
        fi
        upload
        assert_contains "current  oss://images/$KEY is this image: nothing to do"
    done
}

@test "upload: what the server finds to be spoilt is sent again, whatever its ETags" {
    sink opaque --etags=opaque
    printf 'partNumber=2&\tflip\t2\t1\n' >"$BATS_TEST_TMPDIR/opaque/rules"
    upload
    assert_contains "part 2: what arrived is not what was sent (HTTP 400, BadDigest)"
    assert_equal "$(sent opaque 400)" 2
    assert_equal "$(sent opaque 200)" 16
}

@test "upload: the hint to EntityTooSmall can be followed: another --part-size begins anew" {
    sink large --least=400000
    upload 6
    assert_contains "the server wants larger parts (HTTP 400, EntityTooSmall)
hint: say a larger --part-size, as 5M, the least of S3: the upload begins anew with it"
    # The same again ends the same way, with nothing sent.
    upload 6
    assert_contains "the server wants larger parts (HTTP 400, EntityTooSmall)"
    assert_equal "$(sent large 200)" 16
    upload --part-size=500k
    assert_contains "restart  the upload that was begun before has another --part-size"
    assert_equal "$(sent large 200)" 20
    run_ccbake upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=0 oss://images/
    assert_equal "$output" ''
}

@test "upload: without --part-size an unfinished upload keeps its own" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6 --connections=1
    run_ccbake upload -e "http://localhost:$PORT" -r cn-beijing "$IMAGE" "oss://images/$KEY"
    assert_contains "resume   the server has 1.0 MB"
    arrived
    assert_equal "$(parts 200)" 16
}

@test "upload: the answer to the last request is lost, and the server refuses the second in words of its own" {
    fault 'POST .*uploadId' mute
    fault 'POST .*uploadId' error@404@NoSuchThing
    upload
    arrived
    assert_contains "uploaded oss://images/$KEY"
}

@test "upload: a server that lists no parts gets them all again" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6 --connections=1
    fault 'GET .*uploadId' error@501@NotImplemented
    upload
    assert_contains "warning: the server does not list the parts that it has: all are sent again"
    arrived
    assert_equal "$(parts 200)" 24
}

# Swift serves a bucket by the host BUCKET.localhost and in the path.
@test "upload --addressing: before the host, in the path, or the host is the bucket" {
    local by where
    for by in virtual,localhost path,localhost cname,images.localhost ,images.localhost \
        path,127.0.0.1; do
        where=${by#*,}
        by=${by%,*}
        KEY=$BATS_TEST_NUMBER-$by-$where
        forget
        run_ccbake upload -e "http://$where:$PORT" -r cn-beijing ${by:+--addressing=$by} "$IMAGE" "oss://images/$KEY"
        arrived
        assert_equal "$(jq -r 'select(.method == "PUT") | .host + (.target | sub("\\?.*"; ""))' "$BATS_FILE_TMPDIR/log")" \
            "$(case $by in
                path) echo "$where:$PORT/images/$KEY" ;;
                *) echo "images.localhost:$PORT/$KEY" ;;
            esac)"
    done
    run_ccbake 2 upload -e "http://localhost:$PORT" -r cn-beijing --addressing=host "$IMAGE" oss://images/x
    assert_contains "ccbake: --addressing=host: expected one of virtual|path|cname"
    run_ccbake 2 upload -r cn-beijing --addressing=cname "$IMAGE" oss://images/x
    assert_contains "ccbake: --addressing=path or cname is for an --endpoint"
    run_ccbake 2 upload -e http://127.0.0.1 -r cn-beijing --addressing=virtual "$IMAGE" oss://images/x
    assert_contains "ccbake: --addressing=virtual: 127.0.0.1 is an IP address"
}

@test "upload: OSS makes ETags in its own way: without its CRC-64 the object stays, with a warning" {
    fault "GET .*$KEY\$" 'header@ETag@"00000000000000000000000000000000-16"@Server@AliyunOSS' 9
    upload
    assert_contains "$NO_CHECKSUM"
    arrived
    upload
    assert_contains "current  oss://images/$KEY is this image: nothing to do"
}

@test "upload: a server that keeps no metadata" {
    fault GET header@x-amz-meta-ccbake-sha256@ 9
    upload
    assert_contains "warning: the server keeps no metadata: the next upload can't tell that this is there"
    arrived
    upload 2
    assert_contains "another object is there already"
}

@test "upload: wrong credentials" {
    fault GET error@403@InvalidAccessKeyId # Swift does not tell the two apart
    upload 6
    assert_contains "ccbake: oss://images/$KEY: the server does not know this access key ID (HTTP 403, InvalidAccessKeyId"
    assert_contains 'hint: they come from the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID): check them there'
    ALIBABA_CLOUD_ACCESS_KEY_SECRET=wrong upload 6
    assert_contains "the access key secret does not belong to this access key ID (HTTP 403, SignatureDoesNotMatch"
    unset ALIBABA_CLOUD_ACCESS_KEY_SECRET
    upload 5
    assert_contains "ccbake: ALIBABA_CLOUD_ACCESS_KEY_ID is set and ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"
    unset ALIBABA_CLOUD_ACCESS_KEY_ID
    upload 5
    assert_contains "ccbake: there are no credentials for an upload
hint: set ALIBABA_CLOUD_ACCESS_KEY_ID"
    # A file that is not there is found before.
    IMAGE=missing upload 4
    assert_contains "ccbake: missing: No such file or directory"
}

@test "upload: a server that nobody has heard of is given up soon" {
    run_ccbake 6 upload -e http://no-such-host.invalid -r cn-beijing "$IMAGE" oss://images/x
    assert_contains "ccbake: oss://images/x: gave up after try 3: Could not resolve host: images.no-such-host.invalid
hint: no server has answered as images.no-such-host.invalid: check --region, --endpoint and the network"
    # One that has answered once is believed to be there.
    fault GET mute 4
    fault GET error@503@SlowDown
    KEY=x upload 6
    forget
    fault GET error@503@SlowDown
    fault GET mute 4
    upload
    arrived
}

@test "upload: no such bucket, another region, a clock that is wrong" {
    run_ccbake 6 upload -e "http://localhost:$PORT" -r cn-beijing "$IMAGE" oss://no-such-bucket/x
    assert_contains "ccbake: oss://no-such-bucket/x: there is no such bucket (HTTP 404, NoSuchBucket"
    run_ccbake 6 upload -e "http://localhost:$PORT" -r cn-hangzhou "$IMAGE" oss://images/x
    assert_contains "the bucket is in another region than --region says (HTTP 400, AuthorizationHeaderMalformed"
    assert_contains "hint: say --region=cn-beijing"
    must_have faketime faketime -f -1530s date
    printf '#!/bin/sh\nexec faketime -f -1530s "%s" "$@"\n' "$CCBAKE" >late
    chmod +x late
    CCBAKE=./late upload 6
    [[ $output =~ clock\ is\ 25\ min\ (29|30|31)\ s\ behind\ the\ server\'s\ \(HTTP\ 403,\ RequestTimeTooSkewed ]] || fail "$output"
    assert_contains "hint: set this host's clock"
    fault GET 'error@301@PermanentRedirect@<Endpoint>s3.oss-cn-x.aliyuncs.com</Endpoint>'
    upload 6
    assert_contains "hint: the server says to use the endpoint s3.oss-cn-x.aliyuncs.com: check --region and --endpoint"
    forget
    fault GET 'error@403@AccessDenied@<Endpoint>oss-cn-x.aliyuncs.com</Endpoint>'
    upload 6
    assert_contains "the bucket is in another region than --region says (HTTP 403, AccessDenied: spoilt)
hint: the server says to use the endpoint oss-cn-x.aliyuncs.com: check --region and --endpoint"
}

@test "upload: command lines and files that can't be" {
    run_ccbake 2 upload "$IMAGE"
    assert_contains "ccbake: upload: expected an image and a place"
    run_ccbake 2 upload "$IMAGE" s3://images/x
    assert_contains "ccbake: s3://images/x: not an object like oss://BUCKET/KEY"
    local bucket
    for bucket in Images im_ages a.b.c -images images- im; do
        run_ccbake 2 upload -r cn-beijing -- "$IMAGE" "oss://$bucket/x"
        assert_contains "ccbake: \"$bucket\" can't be the name of a bucket"
    done
    run_ccbake 2 upload -r cn-beijing "$IMAGE" oss://images//x
    assert_contains 'the object'\''s name must not begin with "/"'
    run_ccbake 2 upload -r cn-beijing "$IMAGE" "oss://images/$(printf '%01024d' 7)"
    assert_contains "ccbake: the object's name has more than 1023 bytes"
    run_ccbake 2 upload -r cn-beijing -e http://localhost "$IMAGE" "oss://images/$(printf '%01025d' 7)"
    assert_contains "ccbake: the object's name has more than 1024 bytes"
    run_ccbake 2 upload "$IMAGE" oss://images/x
    assert_contains "ccbake: the region of oss://images/x is not known
hint: say --region=cn-beijing"
    run_ccbake 2 upload -r cn-beijing -e ftp://h "$IMAGE" oss://images/x
    assert_contains "ccbake: --endpoint=ftp://h: not a place of a server"
    upload 2 --part-size=64k
    assert_contains "ccbake: oss://images/$KEY: --part-size: 65536 bytes, expected 100k to 5G"
    upload 2 --part-size=6G
    assert_contains "expected 100k to 5G"
    upload 2 --part-size=1T
    assert_contains "ccbake: --part-size=1T: expected a number, with k, M or G"
    upload 2 --connections=0
    assert_contains "ccbake: --connections=0: expected 1 to 64"
    upload 2 --limit-rate=1000
    assert_contains "ccbake: --limit-rate=1000: at least 64k"
    IMAGE=missing upload 4
    assert_contains "ccbake: missing: No such file or directory"
    : >empty
    IMAGE=empty upload 4
    assert_contains "ccbake: empty: is empty"
    IMAGE=. upload 4
    assert_contains "ccbake: .: not a regular file"
    assert_equal "$(cat "$BATS_FILE_TMPDIR/log")" ''
}

# role NAME: the instance has a role of this name; its keys are the tester's.
role() {
    rm -f "$BATS_FILE_TMPDIR"/metadata.{port,log}
    "$TOP/tests/upload/metadata-server" "$BATS_FILE_TMPDIR" "$1" "$KEY_ID" "$SECRET" cn-beijing 2>/dev/null 3>&- &
    METADATA_PID=$!
    wait_for "$BATS_FILE_TMPDIR/metadata.port"
    unset "${!ALIBABA_CLOUD_@}"
    CCBAKE_ECS_METADATA=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/metadata.port")
    export CCBAKE_ECS_METADATA
}

@test "upload: keys of the instance's role, that expire in the middle" {
    role uploader
    fault 'partNumber=5&' error@400@ExpiredToken
    fault 'partNumber=7&' error@403@SecurityTokenExpired
    run_ccbake upload "--endpoint=http://localhost:$PORT" --part-size=128k "$IMAGE" "oss://images/$KEY"
    arrived
    assert_contains "part 5: the session token has expired (HTTP 400, ExpiredToken: spoilt); trying again in"
    (($(wc -l <"$BATS_FILE_TMPDIR/metadata.log") >= 2)) || fail "the keys were not renewed"
}

@test "upload: profiles of the aliyun tool, and a token that expires" {
    unset "${!ALIBABA_CLOUD_ACCESS_@}"
    mkdir .aliyun
    cat >.aliyun/config.json <<END
{"current": "plain", "profiles": [
 {"name": "plain", "mode": "AK", "access_key_id": "$KEY_ID", "access_key_secret": "$SECRET", "region_id": "cn-beijing"},
 {"name": "session", "mode": "StsToken", "access_key_id": "$KEY_ID", "access_key_secret": "$SECRET",
  "sts_token": "sts-t0ken/of", "region_id": "cn-beijing"}]}
END
    run_ccbake upload "--endpoint=http://localhost:$PORT" --part-size=128k "$IMAGE" "oss://images/$KEY"
    arrived
    KEY=$KEY-session
    fault 'partNumber=9&' error@400@ExpiredToken
    upload 6 --profile=session --connections=1
    assert_contains "part 9: the session token has expired (HTTP 400, ExpiredToken: spoilt)
hint: get a new token and run the same command again: it goes on where it stopped"
    ALIBABA_CLOUD_PROFILE=session upload
    arrived
    run_ccbake 2 upload --profile=session -e http://192.0.2.1 "$IMAGE" oss://images/x
    assert_contains "ccbake: --endpoint=http://192.0.2.1: a session token can be read on its way by http
hint: use https, or an access key that needs no token"
    upload 2 --profile=other
    assert_contains "/.aliyun/config.json has no profile \"other\""
    printf '{"current": "%s' "$SECRET" >.aliyun/config.json
    upload 2
    assert_contains "/.aliyun/config.json:1: not JSON"
}

@test "upload: no core dump, and nobody else may look" {
    fault 'PUT' slow@200000 100
    (ulimit -c unlimited && exec "$CCBAKE" upload -q -e "http://127.0.0.1:$PORT" -r cn-beijing "$IMAGE" \
        "oss://images/$KEY") 3>&- &
    local pid=$! status=0
    for _ in {1..100}; do
        [[ -z $(find "$CCBAKE_CACHE_DIR/uploads" -type f -size +0 2>/dev/null) ]] || break
        sleep 0.05
    done
    assert_equal "$(awk '/^Max core file size/ { print $5 }' "/proc/$pid/limits")" 0
    [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != *"$SECRET"* ]]
    kill -ABRT "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 134
    assert_equal "$(find . -name 'core*')" ''
}

@test "upload: stopped by a signal it says that it can go on" {
    fault 'PUT' slow@200000 100
    run timeout -s INT 1 "$CCBAKE" upload -e "http://localhost:$PORT" -r cn-beijing --part-size=128k "$IMAGE" \
        "oss://images/$KEY"
    assert_equal "$status" 124
    assert_contains "ccbake: stopped by Ctrl-C
hint: run the same command again: it goes on where it stopped"
    : >"$BATS_FILE_TMPDIR/rules"
    upload
    assert_contains "resume   "
    arrived
}

@test "upload: two at the same place" {
    fault 'PUT' slow@400000 100
    "$CCBAKE" upload -q -e "http://localhost:$PORT" -r cn-beijing --part-size=128k "$IMAGE" "oss://images/$KEY" 3>&- &
    local pid=$!
    for _ in {1..100}; do
        [[ -z $(find "$CCBAKE_CACHE_DIR/uploads" -type f -size +0 2>/dev/null) ]] || break
        sleep 0.05
    done
    upload 10
    assert_contains "ccbake: another ccbake uploads to oss://images/$KEY"
    wait "$pid"
    arrived
}

@test "upload --limit-rate" {
    local began=$EPOCHREALTIME
    upload --limit-rate=512k --connections=2
    awk -v began="$began" -v now="$EPOCHREALTIME" 'BEGIN { exit !(now - began > 3) }' || fail "too fast"
    arrived
}

# A connection that sends much at once and then nothing for a minute counts as stalled.
@test "upload --limit-rate: the least rate, by many connections, goes in small pieces" {
    run timeout -s INT 5 "$CCBAKE" upload -e "http://localhost:$PORT" -r cn-beijing --part-size=128k \
        --limit-rate=64k --connections=16 --progress=json "$IMAGE" "oss://images/$KEY"
    assert_equal "$status" 124
    jq -nRe '[inputs | fromjson? | select(.event == "progress" and .tag == "upload") | .done] | max
        | . > 0 and . <= 5 * 65536 + 16 * 16384' <<<"$output"
}

@test "upload --progress=json: how fast it goes and how long it will take" {
    fault 'PUT' slow@250000 100
    upload --progress=json
    jq -se 'map(select(.event == "progress" and .tag == "upload" and .bytes_per_s > 0 and .left_s >= 0
        and .done > 0 and .total == 2000000)) | length > 0' <<<"$output"
    jq -se '.[-1] | .event == "result" and .result == "uploaded"' <<<"$output"
}

@test "upload --abort-stale" {
    fault 'partNumber=9&' error@403@AccessDenied
    upload 6
    s3 POST 'images/else%20where?uploads='
    run_ccbake upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=1 oss://images/
    assert_equal "$output" ''
    run_ccbake upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=0 "oss://images/$KEY"
    assert_contains "aborted  oss://images/$KEY, begun $(date +%Y-)"
    assert_equal "$(unfinished)" 0
    assert_equal "$(unfinished else)" 1
    run_ccbake upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=0 oss://images/
    assert_contains "aborted  oss://images/else where, begun "
    assert_equal "$(unfinished else)" 0
    run_ccbake 2 upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=soon oss://images/
    # A server that does not know the question refuses it, or answers another.
    fault uploads error@501@NotImplemented
    run_ccbake 6 upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=0 oss://images/
    assert_contains "ccbake: the server does not know this operation (HTTP 501, NotImplemented: spoilt)"
    assert_contains "hint: a lifecycle rule of the bucket can remove the parts of old uploads, too"
    fault uploads 'say@<ListBucketResult></ListBucketResult>'
    run_ccbake 6 upload -e "http://localhost:$PORT" -r cn-beijing --abort-stale=0 oss://images/
    assert_contains "ccbake: the server does not list unfinished uploads
hint: a lifecycle rule"
}

@test "upload: an image in as many parts as 20 GiB have takes less than 100 MB of memory" {
    local port=$BATS_TEST_TMPDIR/sink.port
    truncate -s 640M sparse
    printf 'not only zeros' | dd of=sparse bs=1 seek=200000000 conv=notrunc status=none
    "$TOP/tests/upload/sink" "$port" 3>&- &
    SINK_PIDS+=($!)
    wait_for "$port"
    run "$TOP/tests/peak-memory" 100 "$CCBAKE" upload --json -q -e "http://127.0.0.1:$(cat "$port")" -r cn-beijing \
        --part-size=512k sparse oss://images/sparse
    assert_equal "$status" 0
    assert_equal "$(sed '/^peak/d' <<<"$output" | jq -c '[.sha256, .sent, (.etag | sub(".*-"; "") | tonumber)]')" \
        "[\"$(sha256sum <sparse | cut -d' ' -f1)\",671088640,1280]"
}
