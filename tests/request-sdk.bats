#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Requests to the cloud, checked by the vendor's official SDK (from npm); nothing is sent.
load helpers

setup_file() {
    export MODULES=$BUILD/npm/node_modules
    must_have "node and npm" command -v node npm
    if [[ ! -e $MODULES/@alicloud/ecs20140526 ]]; then
        mkdir -p "$BUILD/npm"
        npm install --prefix "$BUILD/npm" --silent --no-audit --no-fund --ignore-scripts @alicloud/ecs20140526@7.11.6
    fi
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    qemu-img create -q -f qcow2 image.qcow2 20G
}

# sdk_takes OPTION...: of `ccbake request`
sdk_takes() {
    "$CCBAKE" request "$@" --format=json >request.json
    run node "$TOP/tests/cloud/sdk.js" "$MODULES" check <request.json
    [[ $status == 0 ]] || fail "ccbake request $*" "$output"
}

@test "request: the parameters that ccbake and the fake aliyun know are those of the SDK" {
    local actions
    mapfile -t actions < <(grep -v '^#' "$TOP/bake/cloud/parameters" | cut -d' ' -f1 | uniq)
    diff <(grep -v '^#' "$TOP/bake/cloud/parameters") <(node "$TOP/tests/cloud/sdk.js" "$MODULES" names "${actions[@]}")
}

@test "request: every request has names and types of the SDK's models" {
    local type
    sdk_takes import image.qcow2 oss://acme/image.qcow2
    sdk_takes import image.qcow2 oss://acme/image.qcow2 --name acme --disk-size 40 --dry-run
    sdk_takes import image.qcow2 oss://acme/image.qcow2 --set DetectionStrategy=Standard --resource-group rg-1 --tag a=b
    for type in ecs.gn8v-tee.4xlarge ecs.gn8v-tee.6xlarge ecs.gn8v-tee-8x.16xlarge ecs.gn8v-tee-8x.48xlarge; do
        sdk_takes run m-2zeexample --instance-type "$type" --vswitch vsw-1 --security-group sg-1 --key-pair k
    done
    sdk_takes run m-2zeexample --instance-type ecs.gn8v-tee.4xlarge --vswitch vsw-1 --security-group sg-1 --key-pair k \
        --zone cn-beijing-l --bandwidth 5 --disk-size 100 --data-disk 200 --network-interface vsw-2 --name gpu-1
    sdk_takes run m-2zeexample --instance-type ecs.gn9.large --gpus 8 --vswitch vsw-1 --key-pair k --http-tokens required \
        --set SecurityGroupIds.1=sg-1 --set SystemDisk.Encrypted=true --set Tag.9.Key=a --set PrivatePoolOptions.Id=x --tag a=b
}

@test "request: what is none of the SDK's is seen" {
    "$CCBAKE" request import image.qcow2 oss://acme/image.qcow2 --format=json >request.json
    local filter
    for filter in '.BootModus = "UEFI"' '.["Tag.1.Name"] = "x"' '.["DiskDeviceMapping.1.DiskImageSize"] = "20G"' \
        '.["Features"] = "x"' '.Version = "2014-05-25"'; do
        jq "$filter" request.json >wrong.json
        run node "$TOP/tests/cloud/sdk.js" "$MODULES" check <wrong.json
        [[ $status == 1 ]] || fail "taken: $filter"
    done
}
