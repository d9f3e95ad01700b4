#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
#
# The credentials of an upload, by `ccbake upload --whoami`: profiles of every mode, the environment, their order, and renewal.
# A fake STS checks the signatures; the instance's metadata service is that of upload.bats.

# shellcheck disable=SC2016 # what looks like a variable is meant for messages

load helpers
load accounts

# No test prints or leaves one of these.
SECRETS=(s3cret t0ken)

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unset "${!ALIBABA_CLOUD_@}" "${!ALIBABACLOUD_@}" "${!ALICLOUD_@}" "${!AWS_@}" "${!OSS_@}" "${!CCBAKE_STS_@}" \
        ACCESS_KEY_ID ACCESS_KEY_SECRET SECURITY_TOKEN REGION_ID REGION http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
    export HOME=$BATS_TEST_TMPDIR/home CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache ALIBABA_CLOUD_ECS_METADATA_DISABLED=true
    mkdir -p "$HOME/.aliyun"
    CONFIG=$HOME/.aliyun/config.json
    sts
}

teardown() {
    local secret
    [[ -z ${STS_PID:-} ]] || kill "$STS_PID"
    [[ -z ${METADATA_PID:-} ]] || kill "$METADATA_PID"
    [[ -z ${SINK_PID:-} ]] || kill "$SINK_PID"
    for secret in "${SECRETS[@]}"; do
        [[ -z $(grep -lF -e "$secret" sts/sts.log 2>/dev/null) ]] || fail "a secret is in a log"
    done
}

# no_secret: in what the last command printed.
no_secret() {
    local secret
    for secret in "${SECRETS[@]}"; do
        [[ $output != *"$secret"* ]] || fail "a secret was printed"
    done
}

# whoami [RC] [OPTION]...
whoami() {
    local expected=0
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run_ccbake "$expected" upload --whoami "$@"
    no_secret
}

# is ID SOURCE [OPTION]...: these ends of the access key ID, from there.
is() {
    local id=$1 source=$2
    shift 2
    whoami "$@"
    assert_contains "source: $source; access key ID: $id"
}

# asked FILTER: of the requests that STS has got.
asked() {
    jq -rs "$1" sts/sts.log
}

# env_keys [PREFIX]
env_keys() {
    export "${1-ALIBABA_CLOUD_}ACCESS_KEY_ID=LTAI-of-env" "${1-ALIBABA_CLOUD_}ACCESS_KEY_SECRET=s3cret-of-env"
}

@test "credentials: whoami says source, ends of the ID and ARN, also as JSON" {
    profiles acme "{\"name\": \"acme\", $FILE}"
    is LTAI...file "the profile \"acme\" of $CONFIG"
    assert_contains "; ARN: acs:ram::$ACCOUNT:user/LTAI-file"
    whoami --json
    assert_equal "$(jq -c . <<<"$output")" "$(jq -nc --arg source "the profile \"acme\" of $CONFIG" \
        '{access_key_id: "LTAI...file", source: $source, arn: "acs:ram::1234567890123456:user/LTAI-file"}')"
    # Another server has no ARNs, and STS may be out of reach.
    whoami --json --endpoint=http://localhost:1
    assert_equal "$(jq -c 'keys' <<<"$output")" '["access_key_id","source"]'
    CCBAKE_STS_ENDPOINT=http://127.0.0.1:1 whoami
    assert_contains "warning: the ARN is not known: GetCallerIdentity at http://127.0.0.1:1: "
    run_ccbake 2 upload --whoami image
    assert_contains "upload --whoami: expected no arguments"
}

@test "credentials: the environment, in the order of the aliyun tool" {
    rm -f "$CONFIG"
    local prefix
    for prefix in '' ALICLOUD_ ALIBABACLOUD_ ALIBABA_CLOUD_; do # each before the ones above it
        env_keys "$prefix"
        is LTAI...-env "the environment (\$${prefix}ACCESS_KEY_ID)"
        assert_contains "user/LTAI-of-env"
    done
    export ALICLOUD_SECURITY_TOKEN=t0ken-of-env ALIBABA_CLOUD_ACCESS_KEY_ID=STS.env
    whoami
    assert_contains "user/STS.env"
    unset ALIBABA_CLOUD_ACCESS_KEY_SECRET ALIBABACLOUD_ACCESS_KEY_SECRET ALICLOUD_ACCESS_KEY_SECRET ACCESS_KEY_SECRET
    whoami 5
    assert_contains "ccbake: ALIBABA_CLOUD_ACCESS_KEY_ID is set and ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"
    run env -u ALIBABA_CLOUD_ACCESS_KEY_ID -u ALIBABACLOUD_ACCESS_KEY_ID -u ALICLOUD_ACCESS_KEY_ID -u ACCESS_KEY_ID \
        ACCESS_KEY_SECRET=s3cret "$CCBAKE" upload --whoami
    assert_equal "$status" 5
    assert_contains 'ccbake: ACCESS_KEY_SECRET is set and ACCESS_KEY_ID is not'
    unset "${!ALIBABA_CLOUD_ACCESS_@}" "${!ALIBABACLOUD_ACCESS_@}" "${!ALICLOUD_@}" ACCESS_KEY_ID
    whoami 5
    assert_contains "ccbake: there are no credentials for an upload
hint: set ALIBABA_CLOUD_ACCESS_KEY_ID"
    export OSS_ACCESS_KEY_ID=LTAI-of-env
    whoami 5
    assert_contains "ccbake: OSS_ACCESS_KEY_ID is set and OSS_ACCESS_KEY_SECRET is not"
    OSS_ACCESS_KEY_SECRET=s3cret-of-env is LTAI...-env 'the environment ($OSS_ACCESS_KEY_ID)'
}

@test "credentials: a profile comes before the environment, which fills what is empty in it" {
    profiles acme "{\"name\": \"acme\", $FILE}" '{"name": "empty", "mode": "", "access_key_id": "LTAI-file"}'
    env_keys
    is LTAI...file "the profile \"acme\" of $CONFIG"
    is LTAI...file "the profile \"empty\" of $CONFIG" --profile=empty
    jq '.profiles[1].access_key_id = ""' "$CONFIG" >new && mv new "$CONFIG"
    is LTAI...-env "the profile \"empty\" of $CONFIG, with \$ALIBABA_CLOUD_ACCESS_KEY_ID" --profile=empty
    ALIBABA_CLOUD_IGNORE_PROFILE=TRUE is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)'
    ALIBABACLOUD_IGNORE_PROFILE=TRUE is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)'
    ALIBABA_CLOUD_CLI_PROFILE_DISABLED=True is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)'
    ALIBABA_CLOUD_IGNORE_PROFILE=true is LTAI...file "the profile \"acme\" of $CONFIG" # in capitals alone
    ALIBABA_CLOUD_IGNORE_PROFILE=TRUE whoami 2 --profile=acme
    assert_contains "ccbake: --profile=acme: the environment says to ignore profiles
hint: unset ALIBABA_CLOUD_IGNORE_PROFILE"
    # For another server the environment comes first, that of AWS too.
    is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)' -e http://localhost:1
    ALIBABA_CLOUD_ROLE_ARN=acs:ram::1:role/x is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)' -e http://localhost:1
    unset "${!ALIBABA_CLOUD_ACCESS_@}"
    export AWS_ACCESS_KEY_ID=AKIA-of-aws AWS_SECRET_ACCESS_KEY=s3cret
    is AKIA...-aws 'the environment ($AWS_ACCESS_KEY_ID)' -e http://localhost:1
    is LTAI...file "the profile \"acme\" of $CONFIG"
}

@test "credentials: which profile" {
    profiles acme "{\"name\": \"acme\", $FILE}" '{"name": "b", "mode": "AK", "access_key_id": "LTAI-b-long", "access_key_secret": "s3cret"}' \
        '{"name": "token", "access_key_id": "LTAI-t-long", "access_key_secret": "s3cret", "sts_token": "t0ken"}'
    is LTAI...long "the profile \"b\" of $CONFIG" --profile=b
    ALICLOUD_PROFILE=b is LTAI...long "the profile \"b\" of $CONFIG"
    ALIBABA_CLOUD_PROFILE=b ALICLOUD_PROFILE=acme is LTAI...long "the profile \"b\" of $CONFIG"
    ALIBABACLOUD_PROFILE=b ALIBABA_CLOUD_PROFILE=acme is LTAI...long "the profile \"b\" of $CONFIG"
    ALIBABACLOUD_PROFILE=b is LTAI...file "the profile \"acme\" of $CONFIG" --profile=acme
    is LTAI...long "the profile \"token\" of $CONFIG" --profile=token
    head -c 100 /dev/zero >image
    # A mode that is missing is that of a session where there is a token: which goes by https only.
    run_ccbake 2 upload --profile=token -r cn-beijing -e http://192.0.2.1 image oss://images/x
    assert_contains "a session token can be read on its way by http"
    whoami 2 --profile=other
    assert_contains "ccbake: $CONFIG has no profile \"other\""
    ALIBABA_CLOUD_PROFILE=other whoami 2
    assert_contains "ccbake: $CONFIG has no profile \"other\""
    profiles '' "{\"name\": \"default\", $FILE}"
    is LTAI...file "the profile \"default\" of $CONFIG"
}

@test "credentials: a file that is none, and fields that are missing" {
    printf '{"current": "s3cret' >"$CONFIG"
    whoami 2
    assert_contains "ccbake: $CONFIG:1: not JSON
hint: repair it, or remove it"
    printf '[]' >"$CONFIG"
    whoami 5
    local mode
    profiles x '{"name": "x", "mode": "AK", "access_key_id": "LTAI"}'
    whoami 2
    assert_contains "ccbake: the profile \"x\" of $CONFIG: the mode AK needs access_key_secret, which is not there
hint: run \`aliyun configure --profile x --mode AK\`"
    for mode in StsToken RamRoleArn RamRoleArnWithRoleName ChainableRamRoleArn External CredentialsURI OIDC; do
        profiles x "{\"name\": \"x\", \"mode\": \"$mode\"}"
        whoami 2 --profile=x
        assert_contains "ccbake: the profile \"x\" of $CONFIG: the mode $mode needs "
    done
    profiles x '{"name": "x"}'
    whoami 2
    assert_contains 'it has neither a mode nor keys'
    profiles x '{"name": "x", "mode": "AK", "access_key_id": "LTAI-x-long", "access_key_secret": "a\r\ns3cret"}'
    whoami 5
    assert_contains "have a space or worse in them"
}

@test "credentials: RamRoleArn is one request that STS finds in order" {
    profiles x "{\"name\": \"x\", \"mode\": \"RamRoleArn\", $CALLER, $FINAL, \"ram_session_name\": \"me@acme\",
        \"expired_seconds\": 900, \"external_id\": \"acme *~/+é\", \"region_id\": \"cn-beijing\"}"
    is STS....inal "the profile \"x\" of $CONFIG"
    assert_contains "user/STS.final"
    # In the URL, which proxies write down, is nothing.
    assert_equal "$(asked '.[0] | [.path, .Action, .RoleSessionName, .DurationSeconds, .ExternalId, .AccessKeyId] | join(" ")')" \
        '/ AssumeRole me@acme 900 acme *~/+é LTAI-caller'
    # A token of a session is sent along; without a name the session has ours.
    profiles x "{\"name\": \"x\", \"mode\": \"RamRoleArn\", \"access_key_id\": \"STS.middle\",
        \"access_key_secret\": \"s3cret-of-middle\", \"sts_token\": \"t0ken-of-middle\", $FINAL}"
    is STS....inal "the profile \"x\" of $CONFIG"
    assert_equal "$(asked '.[-2] | [.RoleSessionName, .DurationSeconds] | join(" ")')" 'ccbake 3600'
    ALIBABA_CLOUD_ROLE_SESSION_NAME=of-env whoami
    assert_equal "$(asked '.[-2].RoleSessionName')" of-env
}

@test "credentials: what STS refuses is shown with its code and message, and without the token" {
    local base="\"name\": \"x\", \"mode\": \"RamRoleArn\", $FINAL"
    profiles x "{$base, \"access_key_id\": \"STS.middle\", \"access_key_secret\": \"wrong\", \"sts_token\": \"t0ken-of-middle\"}"
    whoami 6
    assert_contains "ccbake: the profile \"x\" of $CONFIG: AssumeRole of acs:ram::$ACCOUNT:role/final at $CCBAKE_STS_ENDPOINT: HTTP 400, SignatureDoesNotMatch: Specified signature is not matched with our calculation.
hint: the access key secret does not belong to the access key ID"
    profiles x "{$base, $CALLER, \"ram_role_arn\": \"acs:ram::$ACCOUNT:role/other\"}"
    whoami 6
    assert_contains "HTTP 403, NoPermission: You are not authorized to do this action. You should be authorized by RAM."
    profiles x "{$base, $CALLER, \"ram_session_name\": \"a b\"}"
    whoami 6
    assert_contains "InvalidParameter.RoleSessionName"
    profiles x "{$base, $CALLER, \"expired_seconds\": 60}"
    whoami 6
    assert_contains "InvalidParameter.DurationSeconds"
    profiles x "{$base, \"access_key_id\": \"nobody\", \"access_key_secret\": \"x\"}"
    whoami 6
    assert_contains "HTTP 404, InvalidAccessKeyId.NotFound: Specified access key is not found."
    CCBAKE_STS_ENDPOINT=http://127.0.0.1:1 whoami 6
    assert_contains "AssumeRole of acs:ram::$ACCOUNT:role/final at http://127.0.0.1:1: "
    unset CCBAKE_STS_ENDPOINT
    profiles x "{$base, $CALLER, \"sts_region\": \"cn-beijing/\"}"
    whoami 2
    assert_contains '"sts.cn-beijing/.aliyuncs.com" is not the name of a host of STS'
}

@test "credentials: a clock that is wrong" {
    must_have faketime faketime -f -1530s date
    profiles x "{\"name\": \"x\", \"mode\": \"RamRoleArn\", $CALLER, $FINAL}"
    run faketime -f -1530s "$CCBAKE" upload --whoami
    assert_equal "$status" 6
    assert_contains "HTTP 400, InvalidTimeStamp.Expired: Specified time stamp or date value is expired.
hint: set this host's clock"
}

@test "credentials: the place of STS, by sts_endpoint or sts_region" {
    unset CCBAKE_STS_ENDPOINT
    # Nobody is there: it is the name in the message that counts.
    export https_proxy=http://127.0.0.1:1
    local x="\"name\": \"x\", \"mode\": \"RamRoleArn\", $CALLER, $FINAL"
    profiles x "{$x}"
    whoami 6
    assert_contains "at https://sts.aliyuncs.com: "
    profiles x "{$x, \"sts_region\": \"cn-beijing\"}"
    whoami 6
    assert_contains "at https://sts.cn-beijing.aliyuncs.com: "
    ALIBABA_CLOUD_STS_ENDPOINT=https://sts-vpc.cn-beijing.aliyuncs.com/ whoami 6
    assert_contains "at https://sts-vpc.cn-beijing.aliyuncs.com: "
    profiles x "{$x, \"sts_region\": \"cn-beijing\", \"sts_endpoint\": \"sts.example.com\"}"
    whoami 6
    assert_contains "at https://sts.example.com: "
}

@test "credentials: ChainableRamRoleArn goes by its source, which may be any, but not itself" {
    local final="\"name\": \"x\", \"mode\": \"ChainableRamRoleArn\", $FINAL, \"ram_session_name\": \"last\""
    local middle="\"name\": \"m\", \"mode\": \"RamRoleArn\", $CALLER, \"ram_role_arn\": \"acs:ram::$ACCOUNT:role/middle\""
    profiles x "{$final, \"source_profile\": \"m\"}" "{$middle}"
    is STS....inal "the profile \"x\" of $CONFIG"
    assert_equal "$(asked '[.[] | "\(.AccessKeyId) \(.RoleArn // "" | sub(".*/"; ""))"] | join(", ")')" \
        'LTAI-caller middle, STS.middle final, STS.final '
    profiles x "{$final, \"source_profile\": \"nobody\"}"
    whoami 2
    assert_contains 'there is no profile "nobody", its source_profile'
    profiles x "{$final, \"source_profile\": \"x\"}"
    whoami 2
    assert_contains 'its source_profile leads back to it'
    profiles x "{$final, \"source_profile\": \"y\"}" "{\"name\": \"y\", \"mode\": \"ChainableRamRoleArn\", $FINAL, \"source_profile\": \"x\"}"
    whoami 2
    assert_contains "ccbake: the profile \"x\" of $CONFIG: the profile \"y\" of $CONFIG: the profile \"x\" of $CONFIG: its source_profile leads back to it"
}

@test "credentials: EcsRamRole, and RamRoleArnWithRoleName, of an instance" {
    instance
    profiles x '{"name": "x", "mode": "EcsRamRole", "ram_role_name": "uploader"}' '{"name": "any", "mode": "EcsRamRole"}' \
        "{\"name\": \"arn\", \"mode\": \"RamRoleArnWithRoleName\", \"ram_role_name\": \"uploader\", $FINAL}" \
        '{"name": "other", "mode": "EcsRamRole", "ram_role_name": "other"}'
    whoami
    assert_contains "source: the profile \"x\" of $CONFIG; access key ID: ..."
    assert_contains user/STS.ecs
    whoami --profile=any
    assert_contains user/STS.ecs
    whoami 6 --profile=other
    assert_contains "the instance's metadata service ($CCBAKE_ECS_METADATA): HTTP 404"
    is STS....inal "the profile \"arn\" of $CONFIG" --profile=arn
    rm "$CONFIG"
    whoami
    assert_contains "source: the instance's RAM role uploader; access key ID: ..."
}

@test "credentials: a program that fails does not make another account upload" {
    profiles x '{"name": "x", "mode": "External", "process_command": "false"}'
    env_keys OSS_
    whoami 5
    assert_contains 'false failed with exit code 1'
    [[ $output != *'passed over'* ]] || fail "$output"
    # A profile that can give no keys is passed over.
    profiles x '{"name": "x", "mode": "External"}'
    whoami
    assert_contains 'warning: passed over: '
    assert_contains 'source: the environment ($OSS_ACCESS_KEY_ID)'
}

@test "credentials: OIDC by a profile, and by the environment as a pod of a CI has it" {
    echo oidc-t0ken.of-the.pod >token
    local provider=acs:ram::$ACCOUNT:oidc-provider/ci
    profiles x "{\"name\": \"x\", \"mode\": \"OIDC\", $FINAL, \"oidc_provider_arn\": \"$provider\", \"oidc_token_file\": \"$PWD/token\"}"
    is STS....inal "the profile \"x\" of $CONFIG"
    assert_equal "$(asked '.[0] | "\(.Action) \(.OIDCProviderArn) \(.Signature) \(.AccessKeyId)"')" \
        "AssumeRoleWithOIDC $provider null null"
    rm "$CONFIG"
    export ALIBABA_CLOUD_ROLE_ARN=acs:ram::$ACCOUNT:role/final ALIBABA_CLOUD_OIDC_PROVIDER_ARN=$provider
    export ALIBABA_CLOUD_OIDC_TOKEN_FILE=$PWD/token ALIBABA_CLOUD_ROLE_SESSION_NAME=pod-7
    is STS....inal 'the environment ($ALIBABA_CLOUD_OIDC_PROVIDER_ARN)'
    assert_equal "$(asked '.[-2].RoleSessionName')" pod-7
    echo oidc-t0ken-that-expired >token
    whoami 6
    assert_contains "AssumeRoleWithOIDC of acs:ram::$ACCOUNT:role/final at $CCBAKE_STS_ENDPOINT: HTTP 400, AuthenticationFail.OIDCToken.Invalid: This JWT is invalid."
    rm token
    whoami 9
    assert_contains "$PWD/token: No such file or directory"
}

# external SCRIPT...: a program that gives out keys.
external() {
    printf '%s\n' '#!/bin/bash' "$@" >"give keys"
    chmod +x "give keys"
}

@test "credentials: External is one process, split as a shell does it" {
    profiles x "{\"name\": \"x\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys' -a 'b  c' \\\\\$HOME\"}"
    external 'printf "<%s>" "$@" >arguments' 'echo "please wait" >&2' \
        'echo "{\"mode\": \"AK\", \"access_key_id\": \"LTAI-file\", \"access_key_secret\": \"s3cret-of-file\"}"'
    is LTAI...file "the profile \"x\" of $CONFIG"
    assert_contains "external please wait"
    assert_equal "$(cat arguments)" '<-a><b  c><$HOME>'
    external 'echo "{\"mode\": \"StsToken\", \"access_key_id\": \"STS.env\", \"access_key_secret\": \"s3cret-of-env\", \"sts_token\": \"t0ken-of-env\"}"'
    whoami
    assert_contains user/STS.env
    ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS=1 whoami 2
    assert_contains '$ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids it'
}

@test "credentials: External that fails, prints something else, or is not there" {
    profiles x "{\"name\": \"x\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys' s3cret\"}"
    whoami 5
    assert_contains "can't be run (is it installed?)"
    external 'echo "no session" >&2; exit 3'
    whoami 5
    assert_contains "give keys failed with exit code 3
its last lines:
  | no session"
    external 'echo s3cret-of-all'
    whoami 5
    assert_contains "give keys printed is not JSON"
    external 'echo "{\"mode\": \"StsToken\", \"access_key_id\": \"a\", \"access_key_secret\": \"s3cret\"}"'
    whoami 5
    assert_contains "printed no access_key_id, no access_key_secret or no sts_token"
    external 'echo "{\"mode\": \"RamRoleArn\", \"access_key_id\": \"a\", \"access_key_secret\": \"s3cret\"}"'
    whoami 5
    assert_contains "gives keys of mode RamRoleArn; expected AK or StsToken"
    profiles x '{"name": "x", "mode": "External", "process_command": "unclosed \" s3cret"}'
    whoami 2
    assert_contains "process_command can't be split into words"
}

@test "credentials: External that hangs ends with Ctrl-C, and nothing of it stays" {
    profiles x "{\"name\": \"x\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys'\"}"
    external 'echo $$ >pid; sleep 1000'
    run timeout -s INT 1 "$CCBAKE" upload --whoami
    assert_equal "$status" 124
    assert_contains "ccbake: stopped by Ctrl-C"
    [[ ! -e /proc/$(cat pid) ]] || fail "the process is still there"
}

@test "credentials: CredentialsURI is one GET" {
    profiles x "{\"name\": \"x\", \"mode\": \"CredentialsURI\", \"credentials_uri\": \"$CCBAKE_STS_ENDPOINT/keys\"}" \
        "{\"name\": \"y\", \"mode\": \"CredentialsURI\", \"credentials_uri\": \"$CCBAKE_STS_ENDPOINT/s3cret\"}" \
        '{"name": "z", "mode": "CredentialsURI", "credentials_uri": "s3cret"}'
    whoami
    assert_contains user/STS.uri
    whoami 6 --profile=y
    sed -i '/s3cret/d' sts/sts.log # it was a path of the test's
    assert_contains "ccbake: the profile \"y\" of $CONFIG: $CCBAKE_STS_ENDPOINT: HTTP 404"
    jq --arg uri "$CCBAKE_STS_ENDPOINT/failed" '.profiles[1].credentials_uri = $uri' "$CONFIG" >new && mv new "$CONFIG"
    whoami 6 --profile=y
    assert_contains "$CCBAKE_STS_ENDPOINT: the answer is not JSON with Code \"Success\", AccessKeyId, AccessKeySecret and SecurityToken"
    whoami 2 --profile=z
    assert_contains "credentials_uri is not a URI with a host"
    rm "$CONFIG"
    ALIBABA_CLOUD_CREDENTIALS_URI=$CCBAKE_STS_ENDPOINT/keys whoami
    assert_contains 'source: the environment ($ALIBABA_CLOUD_CREDENTIALS_URI)'
}

@test "credentials: CloudSSO and OAuth profiles hold keys, until they expire" {
    local keys='"access_key_id": "STS.env", "access_key_secret": "s3cret-of-env", "sts_token": "t0ken-of-env"'
    local late=$(($(date +%s) + 1000)) early=$(($(date +%s) - 1)) mode
    for mode in CloudSSO OAuth; do
        profiles x "{\"name\": \"x\", \"mode\": \"$mode\", $keys, \"sts_expiration\": $late}"
        whoami
        assert_contains user/STS.env
        profiles x "{\"name\": \"x\", \"mode\": \"$mode\", $keys, \"sts_expiration\": $early,
            \"cloud_sso_access_token_expire\": $late, \"oauth_refresh_token_expire\": $late}"
        whoami 5
        assert_contains "ccbake: the profile \"x\" of $CONFIG: the keys of this session of mode $mode have expired
hint: renew them with \`aliyun sts GetCallerIdentity --profile x\`"
        profiles x "{\"name\": \"x\", \"mode\": \"$mode\", $keys, \"sts_expiration\": $early,
            \"cloud_sso_access_token_expire\": $early, \"oauth_refresh_token_expire\": $early}"
        whoami 5
        assert_contains "hint: sign in again: \`aliyun configure --profile x --mode $mode\`"
    done
}

@test "credentials: a mode that ccbake does not know, and the way out that it names" {
    profiles x '{"name": "x", "mode": "RsaKeyPair", "private_key": "s3cret", "key_pair_name": "k"}' "{\"name\": \"other\", $FILE}"
    whoami 2 --profile=x
    assert_contains "ccbake: the profile \"x\" of $CONFIG: ccbake can't upload with the mode RsaKeyPair
hint: put an access key, or the keys of a session, into another profile (\`aliyun configure --mode AK|StsToken --profile OTHER\`) and say --profile=OTHER"
    is LTAI...file "the profile \"other\" of $CONFIG" --profile=other
}

@test "credentials: a current profile that can't be used is passed over, one that was named is not" {
    instance
    profiles x '{"name": "x", "mode": "RsaKeyPair", "private_key": "s3cret", "key_pair_name": "k"}'
    whoami
    assert_contains "warning: passed over: the profile \"x\" of $CONFIG: ccbake can't upload with the mode RsaKeyPair"
    assert_contains "source: the instance's RAM role uploader"
    whoami 2 --profile=x
    mkdir "$HOME/.alibabacloud"
    printf '[x]\ntype = access_key\naccess_key_id = LTAI-file\naccess_key_secret = s3cret\n' >"$HOME/.alibabacloud/credentials"
    ALIBABA_CLOUD_PROFILE=x whoami 2
    env_keys
    is LTAI...-env 'the environment ($ALIBABA_CLOUD_ACCESS_KEY_ID)'
    assert_contains "warning: passed over: the profile \"x\""
    unset "${!ALIBABA_CLOUD_ACCESS_@}"
    # A service that refuses is none of the profile's faults.
    profiles x "{\"name\": \"x\", \"mode\": \"RamRoleArn\", $CALLER, \"ram_role_arn\": \"acs:ram::$ACCOUNT:role/other\"}"
    whoami 6
    assert_contains NoPermission
}

@test "credentials: the file of the SDKs" {
    mkdir "$HOME/.alibabacloud"
    cat >"$HOME/.alibabacloud/credentials" <<END
[default]
type = access_key
access_key_id = LTAI-file
access_key_secret = s3cret-of-file
[role]
type = ram_role_arn
access_key_id = LTAI-caller
access_key_secret = s3cret/of+the=caller
role_arn = acs:ram::$ACCOUNT:role/final
role_session_name = of-file
[rsa]
type = rsa_key_pair
[off]
enable = false
type = access_key
END
    is LTAI...file "the section \"default\" of $HOME/.alibabacloud/credentials"
    ALIBABA_CLOUD_PROFILE=role is STS....inal "the section \"role\" of $HOME/.alibabacloud/credentials"
    ALIBABA_CLOUD_PROFILE=rsa whoami 2
    assert_contains "the section \"rsa\" of $HOME/.alibabacloud/credentials: ccbake can't upload with the mode type=rsa_key_pair"
    ALIBABA_CLOUD_PROFILE=off whoami 2
    assert_contains "has no profile \"off\""
    mv "$HOME/.alibabacloud/credentials" elsewhere
    ALIBABA_CLOUD_CREDENTIALS_FILE=elsewhere is LTAI...file 'the section "default" of elsewhere'
    ALIBABA_CLOUD_CREDENTIALS_FILE=missing whoami 9
    assert_contains "missing: No such file or directory"
    echo '[default' >elsewhere
    ALIBABA_CLOUD_CREDENTIALS_FILE=elsewhere whoami 2
    assert_contains "ccbake: elsewhere: "
}

@test "credentials: no secret stands in a command line, and nothing is dumped" {
    profiles x "{\"name\": \"x\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys'\"}"
    external 'tr "\0" " " </proc/$PPID/cmdline >cmdline; ulimit -c >core' \
        'echo "{\"mode\": \"AK\", \"access_key_id\": \"LTAI-file\", \"access_key_secret\": \"s3cret-of-file\"}"'
    whoami
    assert_equal "$(cat core)" 0
    assert_equal "$(cat cmdline)" "$CCBAKE upload --whoami "
}

# sink: a server at $SINK that takes every upload.
sink() {
    "$TOP/tests/upload/sink" "$BATS_TEST_TMPDIR/sink.port" 3>&- &
    SINK_PID=$!
    wait_for sink.port
    SINK=http://127.0.0.1:$(cat sink.port)
}

# upload_as RC PROFILE
upload_as() {
    head -c 500000 /dev/urandom >image # one that is not there yet
    run_ccbake "$1" upload -q --force -e "$SINK" -r cn-beijing --part-size=100k --connections=1 --profile="$2" image "oss://images/$2"
    no_secret
}

@test "credentials: keys that expire soon are renewed in the middle, of whatever kind they are" {
    sink
    # Each request finds keys that are about to expire.
    profiles short "{\"name\": \"short\", \"mode\": \"RamRoleArn\", $CALLER, \"ram_role_arn\": \"acs:ram::$ACCOUNT:role/short\"}" \
        "{\"name\": \"external\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys'\"}" \
        "{\"name\": \"broken\", \"mode\": \"External\", \"process_command\": \"'$PWD/give keys' once\"}" \
        '{"name": "session", "mode": "CloudSSO", "access_key_id": "STS.env", "access_key_secret": "s3cret", "sts_token": "t0ken", "sts_expiration": '"$(($(date +%s) + 60))"'}'
    external 'echo run >>runs' '[[ ${1:-} != once || $(wc -l <runs) == 1 ]] || exit 3' \
        'echo "{\"mode\": \"AK\", \"access_key_id\": \"a\", \"access_key_secret\": \"s3cret\", \"expiration\": \"$(date -u -d "60 seconds" +%FT%TZ)\"}"'
    upload_as 0 short
    (($(asked '[.[] | select(.Action == "AssumeRole")] | length') >= 5)) || fail "$(cat sts/sts.log)"
    upload_as 0 external
    (($(wc -l <runs) >= 5)) || fail "$(cat runs)"
    upload_as 0 session
    rm runs
    upload_as 5 broken
    assert_contains "the profile \"broken\" of $CONFIG: $PWD/give keys failed with exit code 3"
}
