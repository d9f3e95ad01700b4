#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
#
# scripts/import-image, run-instance and check-instance.  A fake `aliyun` records their calls and gives the test's answers; it
# proves nothing about the cloud.  A fake `ssh` runs the real self-test on a recorded instance.
load helpers
load selftest

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir bin answers
    export FAKE=$PWD PATH=$PWD/bin:$PATH CCBAKE_PAUSE=0 REAL_CCBAKE=$CCBAKE
    export CCBAKE=$FAKE/bin/ccbake
    fake_ccbake
    fake_aliyun
    qemu-img create -q -f qcow2 image.qcow2 20G
    SHA256=$(sha256sum <image.qcow2 | cut -d' ' -f1)
    jq -n --arg sha256 "$SHA256" '{manifest: 1, key: ("c" * 64), recipe: {name: "acme", gpus: 8}, image: {sha256: $sha256}}' \
        >image.json
}

# preflight and upload are noted, and may fail; what was uploaded has the digest of the image, or of the file `uploaded`.
# The rest is the real one.
fake_ccbake() {
    cat >bin/ccbake <<'END'
#!/bin/sh
case $1 in
preflight | upload)
    if [ "$2" = --whoami ]; then
        if [ -e "$FAKE/whoami.fails" ]; then . "$FAKE/whoami.fails"; fi
        if [ -e "$FAKE/whoami" ]; then cat "$FAKE/whoami"; else echo '{"access_key_id": "LTAI...wxyz", "arn": "acs:ram::1:user/a"}'; fi
        exit
    fi
    echo "ccbake $*" >>"$FAKE/calls"
    if [ -e "$FAKE/$1.fails" ]; then
        echo "ccbake: $1 failed" >&2
        exit "$(cat "$FAKE/$1.fails")"
    fi
    if [ "$1" = upload ]; then
        digest=$(sha256sum <"$2")
        if [ -e "$FAKE/uploaded" ]; then digest=$(sha256sum <"$FAKE/uploaded"); fi
        echo "{\"result\": \"uploaded\", \"sha256\": \"${digest%% *}\"}"
    fi
    ;;
*) exec "$REAL_CCBAKE" "$@" ;;
esac
END
    chmod +x bin/ccbake
}

# The first answer that waits is given: answers/ACTION.1, .2 ...; the last one again and again. One that begins with
# ERROR is an error. With the file `warns` it warns as well, and its errors are where warnings are.  What the real one does
# not take (tests/cloud/takes) it does not take either; a dry run is noted apart.
fake_aliyun() {
    { echo '#!/bin/sh' && echo "TAKES=$TOP/tests/cloud/takes" && cat; } >bin/aliyun <<'END'
action=$2
if [ "$1" = sts ]; then
    if [ -e "$FAKE/identity" ]; then cat "$FAKE/identity"; else echo '{"Arn": "acs:ram::1:user/a"}'; fi
    exit
fi
[ "$1" != version ] || { echo 3.0.200; exit 0; }
"$TAKES" "$@" || { echo "refused $*" >>"$FAKE/calls"; exit 1; }
case $* in *--dryrun*) echo "aliyun $*" >>"$FAKE/rehearsals"; exit 0 ;; esac
echo "aliyun $*" >>"$FAKE/calls"
n=1
while [ ! -e "$FAKE/answers/$action.$n" ]; do
    [ $n -lt 50 ] || { echo "no answer for $action"; exit 99; }
    n=$((n + 1))
done
next=$FAKE/answers/$action.$n
[ ! -e "$FAKE/warns" ] || echo 'WARNING: a new version "4.0" is there' >&2
status=0
if grep -q '^ERROR' "$next"; then status=1; fi
if [ $status = 1 ] && [ -e "$FAKE/warns" ]; then cat "$next" >&2; else cat "$next"; fi
[ ! -e "$FAKE/answers/$action.$((n + 1))" ] || rm "$next"
exit $status
END
    chmod +x bin/aliyun
}

# answers ACTION TEXT...: what the cloud says, one call after the other.
answers() {
    local action=$1 n=1 text
    rm -f "answers/$action".*
    for text in "${@:2}"; do
        echo "$text" >"answers/$action.$n"
        n=$((n + 1))
    done
}

error() {
    printf 'ERROR: SDK.ServerError\nErrorCode: %s\nRecommend: https://error-center\nRequestId: 8F0B-77\nMessage: %s\n' "$1" "${2:-no words}"
}

images() {
    local status=$1 progress=${2:-100%}
    jq -cn --arg status "$status" --arg progress "$progress" \
        '{Images: {Image: [{ImageId: "m-1", Status: $status, Progress: $progress, BootMode: "UEFI", Features: {NvmeSupport: "supported"}}]}}'
}

NO_IMAGES='{"Images": {"Image": []}}'
STARTED='{"RequestId": "1", "ImageId": "m-1", "TaskId": "t-1"}'

import_image() {
    local expected=$1
    shift
    : >calls
    run "$TOP/scripts/import-image" image.qcow2 oss://acme/image.qcow2 "$@"
    [[ $status == "$expected" ]] || fail "exit code: expected $expected, got $status" "$output" "$(cat calls)"
}

# The verbs and actions that were called, in order.
calls() {
    sed -E 's/^(ccbake [a-z]+|aliyun ecs [A-Za-z]+).*/\1/' calls | awk '{ print $NF }' | tr '\n' ' ' | sed 's/ $//'
}

@test "import-image: preflight, look, upload, import, wait" {
    answers DescribeImages "$NO_IMAGES" "$NO_IMAGES" "$(images Creating 3%)" "$(images Creating 57%)" "$(images Available)"
    answers ImportImage "$STARTED"
    import_image 0 --region=cn-beijing --internal
    assert_equal "$(calls)" "preflight DescribeImages upload ImportImage DescribeImages DescribeImages DescribeImages DescribeImages"
    assert_equal "${lines[-1]}" m-1
    assert_contains 'import   57 %'
    assert_equal "$(grep '^ccbake preflight' calls)" \
        "ccbake preflight image.qcow2 --region=cn-beijing --instance-type=ecs.gn8v-tee-8x.16xlarge"
    assert_equal "$(grep '^ccbake upload' calls)" "ccbake upload image.qcow2 oss://acme/image.qcow2 --region=cn-beijing --internal --json"
    grep -q "DescribeImages .*--Tag.1.Key ccbake-sha256 --Tag.1.Value $SHA256 " calls
    # All parameters of the request reach the call.
    assert_equal "$(grep -oE 'aliyun ecs ImportImage .*' calls)" \
        "$("$REAL_CCBAKE" request import image.qcow2 oss://acme/image.qcow2 --format=aliyun | tr -d '\\\n' | tr -s ' ')"
}

@test "import-image: aliyun is asked before the upload whether it takes the request" {
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers ImportImage "$STARTED"
    import_image 0
    assert_equal "$(wc -l <rehearsals)" 1
    grep -q '^aliyun ecs ImportImage --region cn-beijing --force --method POST --RegionId .* --Features.NvmeSupport supported .* --dryrun$' rehearsals
    # One that does not: nothing is uploaded.
    rm rehearsals
    sed -i 's|^action=\$2$|&; case "$*" in *--dryrun*) echo "ERROR: unknown flag --method"; exit 1 ;; esac|' bin/aliyun
    answers DescribeImages "$NO_IMAGES"
    import_image 1
    assert_equal "$(calls)" "preflight DescribeImages"
    assert_contains 'aliyun rejects this request: ERROR: unknown flag --method'
    assert_contains 'hint: its version is 3.0.200; nothing was uploaded'
}

# described BOOT-MODE NVME: an image that is there.
described() {
    jq -cn --arg boot "$1" --arg nvme "$2" \
        '{Images: {Image: [{ImageId: "m-1", Status: "Available", BootMode: $boot, Features: {NvmeSupport: $nvme}}]}}'
}

@test "import-image: an image that came out without NVMe gets it, and one that boots by BIOS is not ready" {
    answers DescribeImages "$NO_IMAGES" "$(described UEFI unsupported)"
    answers ImportImage "$STARTED"
    answers ModifyImageAttribute '{}'
    import_image 0
    assert_contains 'm-1 has NvmeSupport unsupported: setting it'
    grep -q 'ModifyImageAttribute --region cn-beijing --force --method POST --RegionId cn-beijing --ImageId m-1 --Features.NvmeSupport supported' calls
    assert_equal "${lines[-1]}" m-1
    answers DescribeImages "$(described BIOS supported)"
    import_image 1
    assert_contains 'm-1 has BootMode BIOS, not UEFI as requested'
    [[ ${lines[-1]} != m-1 ]] || fail "it is called ready"
}

@test "the fake aliyun refuses what the real one refuses" {
    local words
    takes() { run "$TOP/tests/cloud/takes" ecs "$@"; }
    takes ImportImage --region cn-beijing --RegionId cn-beijing --Features.NvmeSupport supported
    assert_equal "$status $output" "1 ERROR: '--Features.NvmeSupport' is not a valid parameter or flag. See \`aliyun help ecs ImportImage\`."
    takes ImportImage --RegionId cn-beijing --Features.NvmeSupport supported --force
    assert_equal "$status" 0
    for words in '--ImageNam x' '--Tag.Key x' '--Tag.1.Name x' '--Description -x' '--RegionId' '--RegionId a --RegionId b' \
        '--method PUT' 'word'; do
        # shellcheck disable=SC2086 # words
        takes ImportImage $words
        assert_equal "$words: $status" "$words: 1"
    done
    takes ImportImage --Description=-x --Tag.12.Key a
    assert_equal "$status" 0
}

@test "import-image: the same digest is the same image, and nothing is sent" {
    answers DescribeImages "$(images Available)"
    import_image 0
    assert_equal "$(calls)" "preflight DescribeImages"
    assert_contains 'm-1 is this image: nothing to do'
    assert_equal "${lines[-1]}" m-1
}

@test "import-image: one that is on its way is waited for, and not sent again" {
    answers DescribeImages "$(images Creating 3%)" "$(images Creating 9%)" "$(images Available)"
    import_image 0
    assert_equal "$(calls)" "preflight DescribeImages DescribeImages DescribeImages"
}

@test "import-image: a network that fails is no end of the wait, and what the cloud refuses is" {
    local lost='ERROR: Post "https://ecs.cn-beijing.aliyuncs.com": dial tcp: lookup failed'
    answers DescribeImages "$(images Creating 3%)" "$lost" "$(error ServiceUnavailable)" "$(images Creating 9%)" "$lost" \
        "$(images Available)"
    import_image 0
    assert_equal "$(calls)" "preflight$(printf ' DescribeImages%.0s' {1..6})"
    assert_contains 'wait     DescribeImages: ERROR: Post "https://ecs.cn-beijing.aliyuncs.com": dial tcp: lookup failed: asking again'
    assert_equal "${lines[-1]}" m-1
    answers DescribeImages "$(images Creating 3%)" "$(error ServiceUnavailable)" "$(error ServiceUnavailable)" \
        "$(error ServiceUnavailable)" "$(error ServiceUnavailable)" "$(error ServiceUnavailable)" "$(images Available)"
    import_image 0
    answers DescribeImages "$(images Creating 3%)" "$(error Forbidden.RAM)" "$(images Available)"
    import_image 1
    assert_contains 'DescribeImages: this account may not do that'
    # The whole time is the limit.
    answers DescribeImages "$(images Creating 3%)" "$lost"
    sed 's/wait \* 60/wait/' "$TOP/scripts/import-image" >import-image # minutes are seconds
    cp "$TOP/scripts/cloud-lib.bash" .
    run bash ./import-image image.qcow2 oss://acme/image.qcow2 --wait 1
    assert_equal "$status" 3
    assert_contains 'm-1 is still Creating after 1 min'
}

@test "import-image: the options of the upload reach it, and the profile every call" {
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers ImportImage "$STARTED"
    import_image 0 --force --endpoint https://acme.example --profile 'my own' --limit-rate=1M --connections=8 --part-size 32M
    grep -qx "ccbake upload image.qcow2 oss://acme/image.qcow2 --region=cn-beijing --endpoint=https://acme.example --force \
--limit-rate=1M --connections=8 --part-size=32M --profile=my own --json" calls
    assert_equal "$(grep -c '^aliyun ecs [A-Za-z]* --region cn-beijing .* --profile my own$' calls)" 3
    assert_equal "$(grep -c '^aliyun' calls)" 3
    import_image 0 --dry-run --profile 'my own'
    assert_contains $' \\\n    --profile my\\ own'
}

@test "import-image: after a failure it is another request" {
    local first
    answers DescribeImages "$NO_IMAGES" "$(images CreateFailed 0%)"
    answers ImportImage "$STARTED"
    answers DescribeTaskAttribute '{"OperationProgressSet": {"OperationProgress": [{"ErrorCode": "NO_ROOT", "ErrorMsg": "no root found"}]}}'
    import_image 1
    assert_contains 'the import of m-1 failed: NO_ROOT: no root found'
    [[ $output != *'100 %'* ]] || fail "$output"
    assert_contains 'DeleteImage --region cn-beijing --RegionId cn-beijing --ImageId m-1'
    first=$(grep -oE 'ClientToken [^ ]+' calls)
    answers DescribeImages "$(images CreateFailed 0%)" "$(images Available)"
    import_image 0
    assert_equal "$(calls)" "preflight DescribeImages upload ImportImage DescribeImages"
    [[ $(grep -oE 'ClientToken [^ ]+' calls) != "$first" ]]
    # The one that failed may still have the name.
    answers DescribeImages "$(images CreateFailed 0%)"
    answers ImportImage "$(error InvalidImageName.Duplicated)"
    import_image 1
    assert_contains 'an image has this name already: is it m-1, whose import failed?'
    assert_contains 'hint: aliyun ecs DeleteImage --region cn-beijing --RegionId cn-beijing --ImageId m-1'
    # One after the other fails: each time it is another request again.
    first=$(grep -oE 'ClientToken [^ ]+' calls)
    answers DescribeImages "$(jq -cn '{Images: {Image: [{ImageId: "m-2", Status: "UnAvailable"}, {ImageId: "m-1", Status: "CreateFailed"}]}}')"
    import_image 1
    [[ $(grep -oE 'ClientToken [^ ]+' calls) != "$first" ]]
    assert_contains 'is it m-1 m-2, whose import failed?'
    assert_contains 'DeleteImage --region cn-beijing --RegionId cn-beijing --ImageId m-1'
    assert_contains 'DeleteImage --region cn-beijing --RegionId cn-beijing --ImageId m-2'
    # An image that is there goes before one that failed, which is said, and before one that is on its way.
    answers DescribeImages "$(jq -cn '{Images: {Image: [{ImageId: "m-0", Status: "CreateFailed"}, {ImageId: "m-1", Status: "Creating"},
        {ImageId: "m-2", Status: "Available"}, {ImageId: "m-3", Status: "Waiting"}]}}')"
    import_image 0
    assert_equal "$(calls)" "preflight DescribeImages"
    assert_contains 'ignored  m-0 of the same digest, which is CreateFailed'
    assert_equal "${lines[-1]}" m-2
    # So does one that is on its way.
    answers DescribeImages "$(jq -cn '{Images: {Image: [{ImageId: "m-0", Status: "CreateFailed"}, {ImageId: "m-2", Status: "Creating"}]}}')"
    import_image 0 --wait 0
    assert_equal "$(calls)" "preflight DescribeImages"
    assert_equal "${lines[-1]}" m-2
}

# A cloud that remembers what a token made, and its images with their states; a new one has that of the file `next`.
remembering_cloud() {
    mkdir -p cloud/tokens cloud/images
    cat >bin/aliyun <<'END'
#!/bin/bash
case $* in *--dryrun*) exit ;; esac
echo "aliyun $*" >>"$FAKE/calls"
cd "$FAKE/cloud" || exit
value() { sed -nE "s/.* --$1 ([^ ]+).*/\1/p" <<<"$arguments"; }
arguments=$* action=$2
case $action in
    ImportImage)
        token=tokens/$(value ClientToken)
        if [[ ! -e $token ]]; then
            printf 'm-%d' "$(ls tokens | wc -l)" >"$token"
            cp next "images/$(cat "$token")"
        fi
        jq -n --arg id "$(cat "$token")" '{ImageId: $id, TaskId: "t-1"}'
        ;;
    DescribeImages)
        wanted=$(value ImageId)
        for image in images/${wanted:-*}; do
            [[ ! -e $image ]] || jq -n --arg id "${image##*/}" --arg status "$(cat "$image")" '{ImageId: $id, Status: $status}'
        done | jq -s '{Images: {Image: .}}'
        ;;
    *) echo '{}' ;;
esac
END
}

@test "import-image: where the image that failed was deleted, its token brings no other one, and another token does" {
    remembering_cloud
    echo CreateFailed >cloud/next
    import_image 1
    assert_contains 'the import of m-0 failed'
    rm cloud/images/m-0
    echo Available >cloud/next
    import_image 0
    assert_contains 'm-0, which this request made before, is gone: requesting another one'
    assert_equal "${lines[-1]}" m-1
    assert_equal "$(grep -c ' ImportImage ' calls)" 2
    assert_equal "$(grep -oE 'ClientToken [^ ]+' calls | sort -u | wc -l)" 2
    # Not for ever: a cloud that loses every image would be filled with them.
    rm cloud/images/m-1
    import_image 1
    assert_equal "$(grep -c ' ImportImage ' calls)" 2
    assert_contains 'm-1 is gone: it was deleted'
    assert_contains 'hint: --again=WORD'
    [[ $output != *failed* && $output != *'100 %'* ]] || fail "$output"
    import_image 0 --again third
    assert_equal "${lines[-1]}" m-2
    assert_equal "$(grep -c ' ImportImage ' calls)" 1
    # One that was on its way, and not asked for by this run, is only said to be gone.
    rm cloud/images/m-2
    mv bin/aliyun bin/aliyun.gone
    fake_aliyun
    answers DescribeImages "$(images Creating 3%)" "$NO_IMAGES"
    import_image 1
    assert_contains 'm-1 is gone: it was deleted'
    assert_equal "$(grep -c ' ImportImage ' calls)" 0
}

@test "import-image --dry-run: says what it would do, and sends nothing" {
    import_image 0 --dry-run --name acme-1
    assert_equal "$(calls)" preflight
    assert_contains 'ccbake upload image.qcow2 oss://acme/image.qcow2 --region=cn-beijing'
    assert_contains 'aliyun ecs ImportImage'
    assert_contains '--ImageName acme-1'
    grep -q -- '--name=acme-1' calls
    run "$TOP/scripts/import-image" --dry-run image.qcow2 'oss://acme/my image.qcow2'
    assert_equal "$(eval "set -- $(grep "^ccbake upload" <<<"$output")" && printf '%s|' "$@")" \
        'ccbake|upload|image.qcow2|oss://acme/my image.qcow2|--region=cn-beijing|'
}

@test "import-image: what was uploaded is what was looked at" {
    echo x >uploaded
    answers DescribeImages "$NO_IMAGES"
    import_image 1
    assert_contains "and image.qcow2 had $SHA256: it changed during the upload"
    assert_equal "$(calls)" "preflight DescribeImages upload"
}

@test "import-image: the manifest beside the image says what it is for" {
    local image
    mkdir dir.d .hidden.d
    for image in dir.d/image .hidden.d/image.qcow2 dir.d/.image; do
        cp image.qcow2 "$image"
        cp image.json "${image%.qcow2}.json"
        : >calls
        run "$TOP/scripts/import-image" --dry-run "$image" oss://acme/image.qcow2
        assert_equal "$status" 0
        assert_contains 'for ecs.gn8v-tee-8x.16xlarge'
        assert_contains 'Tag.3.Key ccbake-recipe'
    done
}

@test "import-image: what fails before ends it: preflight, upload, the request" {
    echo 8 >preflight.fails
    import_image 8
    assert_equal "$(calls)" preflight
    rm preflight.fails
    echo 6 >upload.fails
    answers DescribeImages "$NO_IMAGES"
    import_image 6
    assert_equal "$(calls)" "preflight DescribeImages upload"
    import_image 2 --name=1x
    assert_contains 'does not begin with a letter'
    import_image 2 --frob
    assert_contains '--frob is not an option'
    import_image 2 --wait
    assert_contains '--wait needs a value'
    # What is wrong with the options is found before anything is done.
    import_image 2 --disk-size=1
    assert_contains '--disk-size=1: expected 20 GiB'
    assert_equal "$(calls)" ''
    rm bin/aliyun
    run env PATH="$FAKE/bin:/usr/bin:/bin" "$TOP/scripts/import-image" image.qcow2 oss://acme/image.qcow2 --name=1x
    assert_equal "$status" 2
    run env PATH="$FAKE/bin:/usr/bin:/bin" "$TOP/scripts/import-image" image.qcow2 oss://acme/image.qcow2
    assert_equal "$status" 5
    assert_contains 'aliyun is not installed'
    run "$TOP/scripts/import-image" image.qcow2
    assert_equal "$status" 2
}

@test "import-image: clear words for every documented error, with code, message and RequestId" {
    local code words
    answers DescribeImages "$NO_IMAGES"
    while IFS='|' read -r code words; do
        run bash -c '. "$0" && error_code=$1 error_text=$2 request_id=8F0B-77 && give_up ImportImage' \
            "$TOP/scripts/cloud-lib.bash" "$code" "the \"cloud's\" words"
        assert_equal "$status" 1
        assert_contains "$words"
        assert_contains "code       $code"
        assert_contains "message    the \"cloud's\" words"
        assert_contains "RequestId  8F0B-77"
    done <<'END'
NoSetRoletoECSServiceAcount|create the RAM role AliyunECSImageImportDefaultRole
InvalidOSSBucket.NotFound|both must be in the same
InvalidOSSBucket.NotMatched|both must be in the same
InvalidOSSObject.Size|the object in the bucket is empty
UnsupportedSuffix.OSSObject|rejects the ending of the key
InvalidAccountStatus.OSSDisabled|OSS is not switched on
InvalidOSSObject.NotFound|does not have the image under this key
InvalidImageName.Duplicated|another image has this name
InvalidImageName.Malformed|rejects this name
InvalidImageSize|the size of the image
InvalidImageFormat.Malformed|the format of the image
InvalidRegionId.NotFound|no such region
InvalidRegion.NotSupport|no images can be imported
ImageIsImporting|being imported already
QuotaExceed.Image|its maximum of custom images
ImportImageFailed|failed inside the cloud
UserNotInTheWhiteList|may not import images
InvalidOSS.NotAuthorized|may not read this bucket or object
InvalidOSSObject.NeedRestore|the object is archived
InvalidOSSBucket.Malformed|can't be the name of a bucket
InvalidOSSBucket.EncryptUnsupported|from an encrypted bucket
InvalidOSSBucket.FlowLimit|at its limit
InvalidVHDImage.IncorrectSize|ccbake convert --to vhd
InvalidBlockSize.NotSupport|ccbake convert --to vhd
InvalidBootMode.NotSupport|rejects BootMode=UEFI
InvalidBootMode.Malformed|rejects BootMode=UEFI
InvalidImageFormat.RegionNotSupported|does not import this format
DRYRUN.SUCCESS|the request is valid
InvalidOSType.Malformed|as ccbake made it
InvalidLicenseType.NotSupported|as ccbake made it
InvalidAccessKeyId.NotFound|run `aliyun configure`
Forbidden.RAM|RAM policy
InvalidTimeStamp.Expired|the clock of this machine is wrong
Forbidden.RiskControl|risk control
RealNameAuthenticationError|real-name registration
PaymentMethodNotFound|no method of payment
RegionUnauthorized|may not use the region
Zone.NotOpen|not open to this account
Zone.NotOnSale|does not have the instance type
InvalidZoneId.NotFound|no such zone
IncorrectVpcStatus|being made or changed
LastTokenProcessing|the "cloud's" words
Brand.New|ImportImage: the "cloud's" words
END
    answers ImportImage "$(error QuotaExceed.Image "the \"cloud's\" words")"
    import_image 1
    assert_contains 'import-image: ImportImage: the account has its maximum of custom images'
    assert_contains "message    the \"cloud's\" words"
    assert_contains 'RequestId  8F0B-77'
    answers ImportImage 'ERROR: {"Code": "QuotaExceed.Image", "Message": "the \"cloud'"'"'s\" words, all", "RequestId": "8F0B-77"}'
    import_image 1
    assert_contains 'its maximum of custom images'
    assert_contains "message    the \"cloud's\" words, all"
}

@test "import-image: what the cloud puts off is tried again, and given up in the end" {
    answers DescribeImages "$NO_IMAGES" "$(error Throttling.User)" "$(error ServiceUnavailable)" "$(images Available)"
    answers ImportImage "$(error Throttling.User)" "$STARTED"
    import_image 0
    assert_equal "$(calls)" "preflight DescribeImages upload ImportImage ImportImage DescribeImages DescribeImages DescribeImages"
    answers DescribeImages "$NO_IMAGES"
    answers ImportImage "$(error Throttling.User)"
    import_image 1
    assert_equal "$(grep -c ImportImage calls)" 5
    assert_contains "limits the rate of calls"
}

@test "import-image: aliyun that was never configured, and one whose clock is wrong" {
    answers DescribeImages 'ERROR: profile default is not configure yet, run `aliyun configure --profile default` first'
    import_image 1
    assert_contains 'import-image: aliyun has no credentials that it can use: ERROR: profile default is not configure yet'
    assert_contains 'hint: run `aliyun configure`, or use --profile=NAME; nothing was sent'
    answers DescribeImages "$(error InvalidTimeStamp.Expired)"
    import_image 1
    assert_contains 'the clock of this machine is wrong'
}

@test "import-image: object and image belong to one account, or nothing is sent" {
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers ImportImage "$STARTED"
    echo '{"Arn": "acs:ram::2:user/b"}' >identity
    import_image 1
    assert_contains 'import-image: the upload would run as acs:ram::1:user/a, and the import as acs:ram::2:user/b'
    assert_contains 'hint: use --profile=NAME, which applies to both'
    assert_equal "$(calls)" preflight
    # Each call has a session of another name.
    echo '{"arn": "acs:ram::1:assumed-role/ci/ccbake"}' >whoami
    echo '{"Arn": "acs:ram::1:assumed-role/ci/session-2"}' >identity
    import_image 0
    echo '{"Arn": "acs:ram::1:assumed-role/other/ccbake"}' >identity
    import_image 1
    # An endpoint of another server has no such accounts; a domain of one's own is OSS's.
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    import_image 0 --endpoint=https://acme.example
    import_image 1 --endpoint=https://acme.example --addressing=cname
    assert_contains 'the import as acs:ram::1:assumed-role/other/ccbake'
    echo 'exit 6' >whoami.fails
    import_image 6
    rm whoami.fails
    # Who can't be asked says nothing.
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    echo '{"access_key_id": "LTAI...wxyz"}' >whoami
    import_image 0
    assert_contains "identity can't tell whether ccbake and aliyun use the same account"
}

# stock ZONE=CATEGORY...: what DescribeAvailableResource says of ecs.gn8v-tee.4xlarge.
stock() {
    printf '%s\n' "$@" | jq -Rcn '{AvailableZones: {AvailableZone: [inputs | split("=") | {ZoneId: .[0], Status: "Available",
        AvailableResources: {AvailableResource: [{Type: "InstanceType", SupportedResources: {SupportedResource: [
            {Value: "ecs.gn8v-tee.4xlarge", Status: (if .[1] == "WithStock" then "Available" else "SoldOut" end), StatusCategory: .[1]},
            {Value: "ecs.other", Status: "Available", StatusCategory: "WithStock"}]}}]}}]}}'
}

@test "import-image, run-instance: what is sold out is said before the upload and before the instance" {
    local type=--instance-type=ecs.gn8v-tee.4xlarge
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers ImportImage "$STARTED"
    answers DescribeAvailableResource "$(stock cn-beijing-l=WithoutStock)"
    import_image 0 "$type"
    assert_equal "$(calls)" "preflight DescribeImages DescribeAvailableResource upload ImportImage DescribeImages"
    assert_contains 'stock    ecs.gn8v-tee.4xlarge is not available in any zone of cn-beijing now: sold out in cn-beijing-l'
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers DescribeAvailableResource "$(stock cn-beijing-l=WithStock)"
    import_image 0 "$type"
    [[ $output != *stock* ]] || fail "$output"
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers DescribeAvailableResource 'not JSON'
    import_image 0 "$type"
    assert_contains "stock    can't tell whether ecs.gn8v-tee.4xlarge is sold out: the answer does not name it"
    # Not being allowed to ask ends nothing.
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers DescribeAvailableResource "$(error Forbidden.RAM)"
    import_image 0 "$type"
    assert_contains "stock    can't tell whether ecs.gn8v-tee.4xlarge is sold out: Forbidden.RAM"
    answers DescribeImages "$(images Available)"
    answers DescribeInstances "$NO_INSTANCES" "$(instances Running)"
    answers RunInstances '{"InstanceIdSets": {"InstanceIdSet": ["i-1"]}}'
    answers DescribeAvailableResource "$(stock cn-beijing-l=WithoutStock cn-beijing-f=WithStock)"
    run_instance 0 "$type"
    assert_contains 'stock    ecs.gn8v-tee.4xlarge is not available in cn-beijing-l now, but in cn-beijing-f'
}

@test "import-image: what the request takes besides reaches the request" {
    answers DescribeImages "$NO_IMAGES" "$(images Available)"
    answers ImportImage "$STARTED"
    import_image 0 --set DetectionStrategy=Standard --tag=team=a --tag team2=b --resource-group rg-1
    grep -q 'aliyun ecs ImportImage .* --DetectionStrategy Standard ' calls
    grep -q 'ImportImage .* --ResourceGroupId rg-1 --Tag.5.Key team --Tag.5.Value a --Tag.6.Key team2 ' calls || fail "$(cat calls)"
    import_image 2 --set Bogus=1
    assert_contains 'ImportImage has no such parameter'
    assert_equal "$(calls)" ''
}

@test "import-image: the time is up, --wait 0, and a signal say how to go on" {
    local pid sleeper started rc=0
    answers DescribeImages "$NO_IMAGES" "$(images Creating 1%)"
    answers ImportImage "$STARTED"
    import_image 0 --wait 0
    assert_equal "$(calls)" "preflight DescribeImages upload ImportImage"
    assert_equal "${lines[-1]}" m-1
    answers DescribeImages "$(images Creating 1%)"
    sed 's/wait \* 60/wait/' "$TOP/scripts/import-image" >import-image # minutes are seconds
    cp "$TOP/scripts/cloud-lib.bash" .
    run bash ./import-image image.qcow2 oss://acme/image.qcow2 --wait 1
    assert_equal "$status" 3
    assert_contains 'm-1 is still Creating after 1 min'
    assert_contains 'run the same command again'
    CCBAKE_PAUSE=30 "$TOP/scripts/import-image" image.qcow2 oss://acme/image.qcow2 >out 2>&1 3>&- &
    pid=$!
    until sleeper=$(pgrep -P "$pid" -x sleep); do
        kill -0 "$pid"
        sleep 0.1
    done
    started=$SECONDS
    kill -TERM "$pid"
    wait "$pid" || rc=$?
    assert_equal "$rc" 130
    until [[ $(ps -o stat= -p "$sleeper") == @(|Z*) ]]; do
        ((SECONDS - started < 15))
        sleep 0.1
    done
    ((SECONDS - started < 15)) || fail "it took $((SECONDS - started)) s"
    output=$(cat out)
    assert_contains 'interrupted; the import of m-1 continues in the cloud'
    assert_contains 'run the same command again to continue waiting'
}

# --- run-instance ---

run_instance() {
    local expected=$1
    shift
    : >calls
    run "$TOP/scripts/run-instance" m-1 --instance-type ecs.gn8v-tee-8x.16xlarge --vswitch vsw-1 --security-group sg-1 \
        --key-pair=acme "$@"
    [[ $status == "$expected" ]] || fail "exit code: expected $expected, got $status" "$output" "$(cat calls)"
}

instances() {
    jq -cn --arg status "$1" '{Instances: {Instance: [{InstanceId: "i-1", Status: $status,
        PublicIpAddress: {IpAddress: ["203.0.113.7"]}, VpcAttributes: {PrivateIpAddress: {IpAddress: ["192.168.0.2"]}}}]}}'
}

NO_INSTANCES='{"Instances": {"Instance": []}}'

@test "run-instance: looks at the image, starts, waits, and prints ID and addresses" {
    answers DescribeImages "$(images Available)"
    answers RunInstances '{"InstanceIdSets": {"InstanceIdSet": ["i-1"]}}'
    answers DescribeInstances "$NO_INSTANCES" "$NO_INSTANCES" "$(instances Pending)" "$(instances Starting)" "$(instances Running)"
    run_instance 0 --bandwidth 5 --manifest image.json --profile acme
    assert_equal "$(grep -c '^aliyun ecs [A-Za-z]* --region cn-beijing .* --profile acme$' calls)" 8
    assert_equal "$(calls)" \
        "DescribeImages DescribeInstances DescribeAvailableResource RunInstances DescribeInstances DescribeInstances DescribeInstances DescribeInstances"
    assert_equal "${lines[-1]}" 'i-1 203.0.113.7 192.168.0.2'
    grep -q -- '--InternetMaxBandwidthOut 5 .*--Tag.1.Key ccbake-key ' calls
    # The same command finds the same instance by the tag that is its token; also has it the same token.
    local token
    token=$(sed -n 's/.*--ClientToken \([^ ]*\).*/\1/p' calls)
    grep -q -- "RunInstances .*--Tag.2.Key ccbake-run --Tag.2.Value $token " calls
    grep -q -- "DescribeInstances .*--Tag.1.Key ccbake-run --Tag.1.Value $token " calls
    answers DescribeInstances "$(instances Running)"
    run_instance 0 --bandwidth 5 --manifest image.json
    assert_equal "$(calls)" "DescribeImages DescribeInstances DescribeInstances"
    grep -q -- "DescribeInstances .*--Tag.1.Key ccbake-run --Tag.1.Value $token" calls
    assert_contains 'i-1 exists already, from the same request'
    assert_equal "${lines[-1]}" 'i-1 203.0.113.7 192.168.0.2'
    answers DescribeInstances "$NO_INSTANCES" "$(instances Running)"
    run_instance 0 --bandwidth 5 --manifest image.json
    grep -q -- "RunInstances .*--ClientToken $token " calls
    answers DescribeInstances 'not JSON'
    run_instance 1
    assert_contains 'DescribeInstances: not a list of instances: not JSON'
    assert_equal "$(calls)" "DescribeImages DescribeInstances"
    answers DescribeInstances "$NO_INSTANCES"
    run_instance 1
    assert_contains 'i-1, which this request made before, is gone'
    assert_contains '--again=WORD'
    answers DescribeInstances "$(instances Stopped)"
    run_instance 1
    assert_contains 'i-1 is Stopped, not Running'
    [[ $output != *'100 %'* ]] || fail "$output"
}

@test "run-instance: an image that the type can't boot, and devices that eight GPUs can't take" {
    answers DescribeImages "$NO_IMAGES"
    run_instance 1
    assert_contains 'there is no image m-1'
    answers DescribeImages 'not JSON'
    run_instance 1
    assert_contains 'DescribeImages: not a list of images: not JSON'
    answers DescribeImages "$(images Creating)"
    run_instance 1
    assert_contains 'm-1 is Creating, not Available'
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].BootMode = "BIOS"')"
    run_instance 1
    assert_contains 'imported with BootMode=BIOS'
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Features.NvmeSupport = "unsupported"')"
    run_instance 1
    assert_contains 'without NVMe'
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Tags.Tag = [{TagKey: "x", TagValue: "8"}, {TagKey: "ccbake-gpus", TagValue: "1"}]')"
    run_instance 1
    assert_contains 'the image is for 1 GPU, and ecs.gn8v-tee-8x.16xlarge has 8'
    assert_equal "$(calls)" DescribeImages
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Tags.Tag = [{TagKey: "ccbake-gpus", TagValue: "8"}]')"
    answers RunInstances "$(error DryRunOperation)"
    run_instance 0 --dry-run
    run_instance 1 --instance-type ecs.gn8v-tee.4xlarge --dry-run
    assert_contains 'the image is for 8 GPUs, and ecs.gn8v-tee.4xlarge has 1'
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Size = 40')"
    run_instance 0 --disk-size 40 --dry-run
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Tags.Tag = [{TagKey: "ccbake-gpus", TagValue: "8 x[$(touch taken)]"}]')"
    run_instance 1 --disk-size 39 --dry-run
    assert_contains 'm-1 was baked for 8 x[$(touch taken)] GPUs'
    [[ ! -e taken ]]
    answers DescribeImages "$(images Available | jq -c '.Images.Image[0].Size = 40')"
    run_instance 1 --disk-size 39 --dry-run
    assert_contains '--disk-size=39: the image m-1 has 40 GiB'
    run_instance 2 --data-disk 100
    assert_contains 'bounce buffer (swiotlb)'
    assert_equal "$(calls)" ''
}

@test "run-instance: wrong usage is found before anything else" {
    run_instance 2 --bogus
    assert_contains '--bogus is not an option'
    run_instance 2 --format=aliyun
    assert_contains '--format=aliyun is not an option'
    run_instance 2 --zone
    assert_contains '--zone needs a value'
    rm bin/aliyun
    run env PATH="$FAKE/bin:/usr/bin:/bin" "$TOP/scripts/run-instance" m-1
    assert_equal "$status" 2
    assert_contains '--instance-type is missing'
    # It takes all options of the request.
    local option
    while read -r option; do
        grep -qE -- "(--|[(|])${option}[)| ]" "$TOP/scripts/run-instance" || fail "--$option is not taken"
    done < <("$REAL_CCBAKE" request --help | sed -nE 's/^ +--([a-z-]+).*/\1/p' | grep -vxE 'format|json|color')
}

@test "run-instance, import-image: a warning is no part of an answer, and no answer is no end" {
    touch warns
    answers DescribeImages "$(images Available)"
    answers RunInstances '{"InstanceIdSets": {"InstanceIdSet": ["i-1"]}}'
    answers DescribeInstances "$NO_INSTANCES" "$(instances Pending)" "" "$(instances Running)"
    run_instance 0
    assert_equal "${lines[-1]}" 'i-1 203.0.113.7 192.168.0.2'
    [[ $output != *WARNING* ]] || fail "$output"
    assert_equal "$(calls)" "DescribeImages DescribeInstances DescribeAvailableResource RunInstances DescribeInstances DescribeInstances DescribeInstances"
    answers DescribeInstances "$NO_INSTANCES"
    answers RunInstances "$(error OperationDenied.NoStock)"
    run_instance 1
    assert_contains 'sold out in this zone: try again later, with --again=WORD'
    answers RunInstances 'ERROR: no network'
    run_instance 1
    assert_contains 'ERROR: no network'
    assert_contains 'hint: run the same command again: it is the same request'
    answers RunInstances '{"InstanceIdSets": {}}'
    run_instance 1
    assert_contains 'its answer does not name the result: {"InstanceIdSets": {}}'
    assert_contains 'it is the same request, and creates nothing new'
    answers DescribeImages "$NO_IMAGES" "" "$(images Creating 3%)" "not JSON" "$(images Available)"
    answers ImportImage "$STARTED"
    import_image 0
    assert_equal "${lines[-1]}" m-1
    answers DescribeImages "not JSON"
    import_image 1
    assert_contains 'DescribeImages: not a list of images: not JSON'
}

@test "run-instance: --dry-run, and clear words for errors" {
    local code words
    answers DescribeImages "$(images Available)"
    answers RunInstances "$(error DryRunOperation)"
    run_instance 0 --dry-run
    assert_contains 'the request is valid'
    grep -q -- '--DryRun true' calls
    assert_equal "$(calls)" "DescribeImages RunInstances"
    answers DescribeInstances "$NO_INSTANCES"
    while IFS='|' read -r code words; do
        answers RunInstances "$(error "$code" "the cloud's words")"
        run_instance 1
        assert_contains "$words"
        assert_contains "code       $code"
    done <<'END'
OperationDenied.NoStock|sold out in this zone
InvalidInstanceType.ValueNotSupported|does not have the instance type
InvalidVSwitchId.NotFound|no such vSwitch
InvalidSecurityGroupId.NotFound|no such security group
InvalidKeyPairName.NotFound|no such key pair
InvalidAccountStatus.NotEnoughBalance|not enough balance
InvalidParameter.Mismatch|in different VPCs
OperationDenied.InconsistentNetwork|in different VPCs
OperationDenied.ImageNotValid|is disabled, deleted
OperationDenied|the cloud denies it
QuotaExceed.ElasticQuota|a quota of the account
IdempotentParameterMismatch|--again=WORD
ImageNotSupportInstanceType|BootMode=UEFI
DryRunOperation|the request is valid
END
}

# --- check-instance ---

# A host whose self-test is this tree's, on a recorded instance.
fake_ssh() {
    command_of ssh <<'END'
#!/bin/bash
echo "ssh $*" >>"$FAKE/calls"
[[ ! -e $FAKE/ssh.fails ]] || exit "$(cat "$FAKE/ssh.fails")"
while [[ $1 != -- ]]; do shift; done
shift 2
[[ $1 != sudo ]] || shift 2
shift
exec dash "$SELFTEST" --root="$ROOT" "$@"
END
    export ROOT SELFTEST PATH=$BIN:$PATH
    jq -n '{manifest: 1, key: "last", kernel: "5.10.134-18.al8.x86_64", driver: "570.148.08", recipe: {gpus: 8},
        expected: {fabric_manager: "570.148.08", nscq: "570.148.08", kernel_args: ["quiet", "swiotlb=4194304,any"]}, steps: [{kind: "selftest", key: "0123abcd"}]}' >manifest.json
}

check_instance() {
    local expected=$1
    shift
    : >calls
    run "$TOP/scripts/check-instance" "$@"
    [[ $status == "$expected" ]] || fail "exit code: expected $expected, got $status" "$output"
}

@test "check-instance: what runs beside what was baked" {
    instance 8
    fake_ssh
    check_instance 0 root@192.0.2.1 --manifest manifest.json
    assert_contains 'bake                 0123abcd                     0123abcd'
    assert_contains 'driver               570.148.08                   570.148.08'
    assert_row "PASS gpu.conf-compute" 'Multi-GPU Mode: Protected PCIe'
    assert_contains 'root@192.0.2.1: good'
    grep -q -- '-o BatchMode=yes .*-- root@192.0.2.1 /usr/libexec/ccbake/ccbake-selftest --json' calls
    check_instance 0 acme --sudo --no-attest --wait=5 -o Port=2222
    grep -q -- '-o Port=2222 -- acme sudo -n /usr/libexec/ccbake/ccbake-selftest --json --no-attest --wait=5' calls
    assert_contains 'SKIP attestation.local'
    run --separate-stderr "$TOP/scripts/check-instance" acme --json
    assert_equal "$(jq -r .verdict <<<"$output")" good
}

@test "check-instance: what it waits for is said at once, in characters that print" {
    local pid
    instance 8
    fake_ssh
    echo forever >"$STATE/units/nvidia-persistenced.service.starting"
    command_of marked <<<$'#!/bin/sh\nprintf "\033[31mred\n" >&2'
    sed -i 's/^exec dash/marked; exec dash/' "$BIN/ssh"
    "$TOP/scripts/check-instance" acme --wait=60 >out 2>err 3>&- &
    pid=$!
    until grep -q '^waiting for nvidia-persistenced.service: activating (start)' err; do
        kill -0 "$pid"
        sleep 0.1
    done
    echo 0 >"$STATE/units/nvidia-persistenced.service.starting"
    wait "$pid"
    assert_equal "$(head -n 2 err)" "ask      acme: it answers when its GPUs are ready, which takes up to 16 minutes
[31mred"
    assert_equal "$(tail -n 1 out)" 'acme: good'
}

@test "check-instance: not good, elsewhere, another image" {
    instance 8
    fake_ssh
    smi 'conf-compute -mgm' 'Multi-GPU Mode: None'
    check_instance 1 acme --manifest manifest.json
    assert_row "FAIL gpu.conf-compute" 'Multi-GPU Mode: None'
    assert_contains 'open a ticket'
    put proc/cpuinfo 'flags : fpu'
    rm -r "$ROOT/sys/bus/pci/devices/0000:03:00.0"
    check_instance 3 acme --manifest manifest.json
    assert_contains 'GPUs                 8                            7  DIFFERENT'
    assert_contains 'acme: not a gn8v-tee instance'
    jq '.steps[0].key = "other"' manifest.json >other.json
    check_instance 6 acme --manifest other.json
    assert_contains 'bake                 other                        0123abcd  DIFFERENT'
    jq '.kernel = "5.10.134-19.1.al8.x86_64"' manifest.json >other.json
    check_instance 6 acme --manifest other.json --json
}

@test "check-instance: what the instance does not tell is not taken for the same" {
    local change
    instance 8
    fake_ssh
    PATH=$BIN:$PATH dash "$SELFTEST" --root="$ROOT" --json >good.json
    command_of ssh <<<$'#!/bin/sh\ncat "$FAKE/answer.json"'
    cp good.json answer.json
    check_instance 0 acme --manifest manifest.json
    while IFS='|' read -r change expected words; do
        jq "$change" good.json >answer.json
        check_instance "$expected" acme --manifest manifest.json
        assert_contains "$words"
        check_instance "$expected" acme --manifest manifest.json --json
    done <<'END'
.baked = ""|1|acme is not shown to be as manifest.json says: bake
del(.baked, .kernel)|1|says: bake, kernel
.kernel = ""|1|kernel               5.10.134-18.al8.x86_64       -  UNKNOWN
.driver = null|1|says: driver
del(.gpus)|1|says: GPUs
. + {baked: [], driver: "1"}|6|driver               570.148.08                   1  DIFFERENT
.gpus = 7|1|GPUs                 8                            7  DIFFERENT
.fabric_manager = "570.133.20"|6|Fabric Manager       570.148.08                   570.133.20  DIFFERENT
.nscq = "570.133.20"|6|NSCQ                 570.148.08                   570.133.20  DIFFERENT
del(.nscq)|1|says: NSCQ
.swiotlb = "32768"|1|swiotlb              4194304                      32768  DIFFERENT
.swiotlb = "4194432"|0|swiotlb              4194304                      4194432
.baked = []|6|bake                 0123abcd                     []  DIFFERENT
.checks = {}|4|the answer is not that of ccbake-selftest
.kernel += "\nx"|6|5.10.134-18.al8.x86_64?x  DIFFERENT
. + {verdict: "not good", kernel: ""}|1|acme: not good
END
    # What was baked without a driver is compared by the rest.
    cp good.json answer.json
    jq '.driver = null' manifest.json >other.json
    check_instance 0 acme --manifest other.json
    # A comparison that fails is no good result.
    jq '.steps = [1]' manifest.json >other.json
    check_instance 4 acme --manifest other.json
    assert_contains "can't be compared with other.json"
}

@test "check-instance: no answer, no self-test, no manifest, and what is no self-test" {
    instance 1
    fake_ssh
    echo 255 >ssh.fails
    check_instance 4 acme
    assert_contains "acme can't be reached by ssh"
    echo 127 >ssh.fails
    check_instance 4 acme
    assert_contains 'acme has no ccbake-selftest'
    rm ssh.fails
    check_instance 2 acme --manifest absent.json
    assert_contains "the manifest absent.json can't be read"
    check_instance 2 acme --manifest bin/ssh
    assert_contains 'is not the manifest of an image'
    command_of ssh <<<$'#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1'
    check_instance 4 acme --sudo
    assert_contains 'sudo: a password is required'
    assert_contains 'ccbake-selftest on acme printed nothing, and ended with 1'
    fake_ssh
    check_instance 2
    check_instance 2 acme --frob
    assert_contains '--frob is not an option'
    command_of ssh <<<$'#!/bin/sh\nprintf "\\033[31mhello\\n"'
    check_instance 4 acme
    assert_contains 'the answer is not that of ccbake-selftest'
}

@test "make install brings them, and each finds what it needs" {
    make -s -C "$TOP" BUILD="${BUILD#"$TOP"/}" DESTDIR="$PWD/root" PREFIX=/usr install
    local tool
    for tool in import-image run-instance check-instance; do
        run "root/usr/bin/ccbake-$tool" -h
        assert_equal "$status" 0
        run "root/usr/bin/ccbake-$tool" --help
        assert_equal "$status" 0
        assert_contains "usage: ccbake-$tool [OPTION]..."
    done
    run_ccbake recipe root/usr/share/ccbake/recipes/gn8v-tee-8gpu.yaml
}
