#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
# ccbake request: the parameters of ImportImage and RunInstances, by the names and limits of the ECS API reference.
load helpers

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    qemu-img create -q -f qcow2 image.qcow2 20G
    SHA256=$(sha256sum <image.qcow2 | cut -d' ' -f1)
    jq -n --arg sha256 "$SHA256" '{manifest: 1, key: ("c" * 64), driver: "570.148.08",
        recipe: {name: "acme gpu", gpus: 8}, image: {sha256: $sha256, virtual_size: 42949672960}}' >image.json
}

# The names that the API reference of 2014-05-26 has, as far as they could be of use here; N is a number.
IMPORT_NAMES='Action Version RegionId ImageName Description Architecture OSType Platform BootMode RoleName LicenseType
    DetectionStrategy ResourceGroupId ClientToken DryRun Features.NvmeSupport StorageLocationArn Features.ImdsSupport
    DiskDeviceMapping.N.Format DiskDeviceMapping.N.OSSBucket DiskDeviceMapping.N.OSSObject
    DiskDeviceMapping.N.DiskImageSize DiskDeviceMapping.N.DiskImSize DiskDeviceMapping.N.Device Tag.N.Key Tag.N.Value'
RUN_NAMES='Action Version RegionId ZoneId ImageId InstanceType SecurityGroupId VSwitchId InstanceName HostName Description
    KeyPairName Amount MinAmount ClientToken DryRun InternetChargeType InternetMaxBandwidthOut InternetMaxBandwidthIn
    SystemDisk.Category SystemDisk.Size SystemDisk.DiskName DataDisk.N.Category DataDisk.N.Size
    NetworkInterface.N.VSwitchId NetworkInterface.N.SecurityGroupId NetworkInterface.N.InstanceType UserData
    Tag.N.Key Tag.N.Value'

# official NAMES: every key of the JSON is one of them, every value a text.
official() {
    local key
    jq -e 'all(.[]; type == "string")' <<<"$output" >/dev/null
    while read -r key; do
        [[ " $(tr -s '\n ' '  ' <<<"$1") " == *" $key "* ]] || fail "no parameter of the API: $key"
    done < <(jq -r 'keys[]' <<<"$output" | sed -E 's/\.[0-9]+\./.N./')
}

value() {
    jq -r --arg name "$1" '.[$name] // ""' <<<"$output"
}

# values NAME=VALUE...: the JSON has these.
values() {
    local pair
    for pair in "$@"; do
        assert_equal "${pair%%=*}=$(value "${pair%%=*}")" "$pair"
    done
}

# What a shell makes of the command line, an argument a line.
words_of_command() {
    (
        aliyun() { printf '%s\n' "$@"; }
        eval "$1"
    )
}

import() {
    run_ccbake request import --format=json "$@"
}

# start TYPE ARGUMENT...
start() {
    run_ccbake request run m-2zeexample --format=json --vswitch vsw-1 --security-group sg-1 --key-pair acme \
        --instance-type "$@"
}

@test "request import: all that the image needs, by official names" {
    import image.qcow2 oss://acme-images/gpu/image.qcow2
    official "$IMPORT_NAMES"
    values Action=ImportImage RegionId=cn-beijing "ImageName=image-${SHA256:0:12}" Architecture=x86_64 OSType=linux \
        Platform=Aliyun BootMode=UEFI Features.NvmeSupport=supported \
        RoleName=AliyunECSImageImportDefaultRole DiskDeviceMapping.1.Format=QCOW2 \
        DiskDeviceMapping.1.OSSBucket=acme-images DiskDeviceMapping.1.OSSObject=gpu/image.qcow2 \
        DiskDeviceMapping.1.DiskImageSize=20 Tag.1.Key=ccbake-sha256 "Tag.1.Value=$SHA256" Tag.2.Key=ccbake-key \
        "Tag.2.Value=$(jq -r .key image.json)" Tag.3.Key=ccbake-recipe 'Tag.3.Value=acme gpu' Tag.4.Key=ccbake-driver \
        Tag.4.Value=570.148.08 Tag.5.Key=ccbake-gpus Tag.5.Value=8 DryRun=
    [[ $(value ClientToken) =~ ^[a-z0-9-]{20,64}$ ]]
}

@test "request import: formats and sizes" {
    qemu-img create -q -f raw raw.img 5G
    import raw.img oss://acme/x
    values DiskDeviceMapping.1.Format=RAW DiskDeviceMapping.1.DiskImageSize=5
    qemu-img create -q -f vpc -o subformat=dynamic,force_size=on vhd.img $((20 * 1024 + 1))M
    import vhd.img oss://acme/x --disk-size 40
    values DiskDeviceMapping.1.Format=VHD DiskDeviceMapping.1.DiskImageSize=40
    import vhd.img oss://acme/x
    values DiskDeviceMapping.1.DiskImageSize=21
    run_ccbake 2 request import image.qcow2 oss://acme/x --disk-size 19
    assert_contains '--disk-size=19: expected 20 GiB, as the image has, to 2048'
    run_ccbake 2 request import image.qcow2 oss://acme/x --disk-size 2049
    qemu-img create -q -f qcow2 small.qcow2 5119M
    run_ccbake 4 request import small.qcow2 oss://acme/x
    assert_contains '5119 MiB, expected 5 to 2048 GiB'
    qemu-img create -q -f qcow2 large.qcow2 2049G
    run_ccbake 4 request import large.qcow2 oss://acme/x
    qemu-img create -q -f vmdk image.vmdk 20G
    run_ccbake 4 request import image.vmdk oss://acme/x
    run_ccbake 4 request import absent.qcow2 oss://acme/x
    run_ccbake 2 request import image.qcow2 oss://acme/images/
    assert_contains "oss://acme/images/: the object has no name"
    # aliyun takes a value that begins with "-" only where it is joined to its flag.
    run_ccbake request import image.qcow2 oss://acme/--x --format=aliyun
    assert_contains ' --DiskDeviceMapping.1.OSSObject=--x '
    import image.qcow2 oss://acme/images/-x
}

@test "request import: names and objects" {
    local bad
    import image.qcow2 oss://acme/x --name acme-gpu-1
    values ImageName=acme-gpu-1
    for bad in a 1gpu aliyun-gpu acs:gpu 'a/b' "$(printf 'a%.0s' {1..129})" http://x; do
        run_ccbake 2 request import image.qcow2 oss://acme/x --name "$bad"
        assert_contains "the image name"
    done
    run_ccbake request import image.qcow2 oss://acme/x --region=cn-hangzhou
    assert_contains 'an image starts where it is imported, and ccbake knows no confidential GPU instance type in cn-hangzhou'
    assert_contains '"RegionId": "cn-hangzhou"'
    cp image.qcow2 'aliyun 3.qcow2'
    import 'aliyun 3.qcow2' oss://acme/x
    values "ImageName=ccbake-aliyun-3-${SHA256:0:12}"
    run_ccbake 2 request import image.qcow2 s3://acme/x
    assert_contains 's3://acme/x: not an object like oss://BUCKET/KEY'
    for bad in oss://Acme/x oss://a.b.c/x oss://ac/x oss://-acme/x oss://acme-/x "oss://$(printf 'a%.0s' {1..64})/x"; do
        run_ccbake 2 request import image.qcow2 "$bad"
        assert_contains "can't be the name of a bucket"
    done
    for bad in oss://acme oss://acme/ oss://acme//x "oss://acme/$(printf 'a%.0s' {1..1024})" $'oss://acme/x\ny'; do
        run_ccbake 2 request import image.qcow2 "$bad"
        assert_contains 'the object'
    done
}

@test "request import: the manifest is believed only where it is this file's" {
    echo x >>image.qcow2
    run_ccbake request import image.qcow2 oss://acme/x --format=aliyun
    assert_contains 'image.json is the manifest of another file than image.qcow2'
    assert_contains "--Tag.1.Value $(sha256sum <image.qcow2 | cut -d' ' -f1)"
    [[ $output != *ccbake-key* ]] || fail "$output"
    run_ccbake 4 request import image.qcow2 oss://acme/x --manifest image.json
    assert_contains 'the digests differ'
    run_ccbake 4 request import image.qcow2 oss://acme/x --manifest absent.json
    echo '{}' >image.json
    run_ccbake request import image.qcow2 oss://acme/x
    assert_contains 'image.json is not the manifest of an image: the tags will not name the bake'
    jq -n --arg sha256 "$(sha256sum <image.qcow2 | cut -d' ' -f1)" \
        '{manifest: 1, key: "k", recipe: {name: "see http://x"}, image: {sha256: $sha256}}' >image.json
    run_ccbake 2 request import image.qcow2 oss://acme/x
    assert_contains 'the tag ccbake-recipe: "see http://x" begins with acs: or holds http:// or https://'
    rm image.json
    import image.qcow2 oss://acme/x
    values Tag.2.Key=
    jq -n --arg sha256 "$(sha256sum <image.qcow2 | cut -d' ' -f1)" \
        '{manifest: 1, key: "k", image: {sha256: "other"}, images: [{sha256: "other"}, {sha256: $sha256}]}' >image.json
    import image.qcow2 oss://acme/x
    values Tag.2.Key=ccbake-key Tag.2.Value=k
}

@test "request: the same wish has the same token, another one another; a dry run uses none up" {
    local first
    import image.qcow2 oss://acme/x
    first=$(value ClientToken)
    import image.qcow2 oss://acme/x
    assert_equal "$(value ClientToken)" "$first"
    import image.qcow2 oss://acme/x --again m-failed
    [[ $(value ClientToken) != "$first" ]]
    import image.qcow2 oss://acme/y
    [[ $(value ClientToken) != "$first" ]]
    import image.qcow2 oss://acme/x --dry-run
    values ClientToken= DryRun=true
}

@test "request: the command line says the same as the JSON, through any shell" {
    local json
    import image.qcow2 "oss://acme/it's a \$(key) \"x\""
    json=$output
    run_ccbake request import image.qcow2 "oss://acme/it's a \$(key) \"x\"" --format=aliyun
    assert_equal "$(head -n 1 <<<"$output")" 'aliyun ecs ImportImage \'
    assert_equal "$(words_of_command "$output")" \
        "$(jq -r '"ecs", .Action, "--region", .RegionId, "--force", "--method", "POST",
            (del(.Action, .Version) | to_entries[] | "--" + .key, .value)' <<<"$json")"
    "$CCBAKE" request import image.qcow2 "oss://acme/it's a \$(key) \"x\"" --format=words | tr '\0' '\n' >words
    assert_equal "$(words_of_command "$output" | tail -n +5)" "$(cat words)"
    run_ccbake request import image.qcow2 oss://acme/x
    assert_equal "$(jq -rs '.[0].Action' < <(sed '/^$/,$d' <<<"$output"))" ImportImage
    assert_contains $'}\n\naliyun ecs ImportImage'
}

@test "request run: the four instance types, by official names" {
    local type
    for type in ecs.gn8v-tee.4xlarge ecs.gn8v-tee.6xlarge ecs.gn8v-tee-8x.16xlarge ecs.gn8v-tee-8x.48xlarge; do
        start "$type" --name acme-1 --disk-size 100 --bandwidth 5
        official "$RUN_NAMES"
        values Action=RunInstances RegionId=cn-beijing ZoneId=cn-beijing-l "InstanceType=$type" ImageId=m-2zeexample \
            InstanceName=acme-1 KeyPairName=acme VSwitchId=vsw-1 SecurityGroupId=sg-1 SystemDisk.Category=cloud_essd \
            SystemDisk.Size=100 InternetMaxBandwidthOut=5 InternetChargeType=PayByTraffic Amount=1
        [[ $output != *SecurityOptions* ]] || fail "$output"
        start "$type"
        values SystemDisk.Size= InternetMaxBandwidthOut= InstanceName=
    done
}

@test "request run: eight GPUs take no further device at creation, and the reason is named; one GPU does" {
    local type
    for type in ecs.gn8v-tee-8x.16xlarge ecs.gn8v-tee-8x.48xlarge; do
        run_ccbake 2 request run m-1 --instance-type $type --vswitch vsw-1 --security-group sg-1 --key-pair k --data-disk 100
        assert_contains "--data-disk: $type can't be created with a data disk"
        assert_contains 'bounce buffer (swiotlb)'
        assert_contains 'hint: attach it when the instance runs, and detach it before a restart'
        run_ccbake 2 request run m-1 --instance-type $type --vswitch vsw-1 --security-group sg-1 --key-pair k \
            --network-interface vsw-2
        assert_contains "$type can't be created with a secondary network interface"
        assert_contains 'bounce buffer (swiotlb)'
    done
    # By another way neither.
    run_ccbake 2 request run m-1 --instance-type $type --vswitch vsw-1 --security-group sg-1 --key-pair k --set DataDisk.1.Size=100
    assert_contains "--set DataDisk: $type can't be created with a data disk"
    run_ccbake 2 request run m-1 --instance-type $type --vswitch vsw-1 --security-group sg-1 --key-pair k \
        --set NetworkInterface.1.VSwitchId=vsw-2
    assert_contains "$type can't be created with a secondary network interface"
    run_ccbake 2 request run m-1 --instance-type ecs.gn8v-tee.4xlarge --vswitch vsw-1 --key-pair k --set SecurityGroupIds.1=sg-1 \
        --network-interface vsw-2
    assert_contains '--network-interface needs --security-group'
    start ecs.gn8v-tee.4xlarge --data-disk 100 --network-interface vsw-2
    official "$RUN_NAMES"
    values DataDisk.1.Category=cloud_essd DataDisk.1.Size=100 NetworkInterface.1.VSwitchId=vsw-2 \
        NetworkInterface.1.InstanceType=Secondary NetworkInterface.1.SecurityGroupId=sg-1
}

@test "request run: a type that ccbake does not know is taken with its GPUs" {
    local ids=(--vswitch vsw-1 --security-group sg-1 --key-pair k)
    run_ccbake request run m-1 --instance-type ecs.gn9-tee.large "${ids[@]}" --gpus=1 --region cn-hangzhou
    assert_contains 'ccbake does not know the instance type ecs.gn9-tee.large: where it is offered is not checked'
    assert_contains '"RegionId": "cn-hangzhou"'
    [[ $output != *ZoneId* ]] || fail "$output"
    run_ccbake 2 request run m-1 --instance-type ecs.gn9-tee.large "${ids[@]}" --gpus=8 --data-disk 100
    assert_contains 'bounce buffer (swiotlb)'
    # By the manifest.
    run_ccbake request run m-1 --instance-type ecs.gn9-tee.large "${ids[@]}" --manifest image.json
    run_ccbake 2 request run m-1 --instance-type ecs.gn8v-tee.4xlarge "${ids[@]}" --gpus=8
    assert_contains 'the image is for 8 GPUs, and ecs.gn8v-tee.4xlarge has 1'
    start ecs.gn8v.4xlarge --zone cn-beijing-f
    values ZoneId=cn-beijing-f
    start ecs.gn8v.6xlarge
    values ZoneId=cn-beijing-l
}

@test "request: other parameters by their official names, tags and the resource group" {
    local token again pair
    start ecs.gn8v-tee.4xlarge
    token=$(value ClientToken)
    local settings=(RamRoleName=acme SystemDisk.Encrypted=true PrivatePoolOptions.MatchCriteria=Open
        SecurityGroupIds.2=sg-2 'UserData=I2Nsb3VkLWNvbmZpZwo=' Tag.9.Key=a Tag.9.Value=b NetworkOptions.EnableJumboFrame=true
        SystemDisk.Category=cloud_auto)
    for pair in "${settings[@]}"; do
        start ecs.gn8v-tee.4xlarge --set "$pair"
        values "$pair"
        again=$(value ClientToken)
        [[ $again != "$token" ]] || fail "the same token with $pair"
    done
    start ecs.gn8v-tee.4xlarge "${settings[@]/#/--set=}" --http-tokens required --resource-group rg-1 --tag team=a=b --tag x=
    values "${settings[@]}" HttpTokens=required ResourceGroupId=rg-1 Tag.1.Key=team Tag.1.Value=a=b Tag.2.Key=x Tag.3.Key=ccbake-run
    run_ccbake request run m-1 --instance-type ecs.gn8v-tee.4xlarge --vswitch vsw-1 --key-pair k --set SecurityGroupIds.1=sg-1 \
        --set SecurityGroupIds.2=sg-2 --format=aliyun
    assert_contains $'--force \\\n    --method POST'
    [[ $output != *SecurityGroupId\ * ]] || fail "$output"
    import image.qcow2 oss://acme/x --set DetectionStrategy=Standard --set Description='for tests' --tag team=a --resource-group rg-1
    values DetectionStrategy=Standard 'Description=for tests' ResourceGroupId=rg-1 Tag.6.Key=team Tag.6.Value=a
}

@test "request: a parameter that is none, or ccbake's own, is refused" {
    local bad tags
    local run=(request run m-1 --instance-type ecs.gn8v-tee.4xlarge --vswitch vsw-1 --security-group sg-1 --key-pair k)
    run_ccbake 2 "${run[@]}" --set HttpToken=required
    assert_contains '--set HttpToken: RunInstances has no such parameter'
    assert_contains 'hint: did you mean HttpTokens?'
    run_ccbake 2 "${run[@]}" --set Tag.1.Ky=a
    assert_contains 'hint: did you mean Tag.N.Key? N is a number from 1'
    for bad in SecurityGroupIds.N=sg-1 Action=x BootMode=UEFI =x Tag.1=x; do
        run_ccbake 2 "${run[@]}" --set "$bad"
        assert_contains 'has no such parameter'
    done
    run_ccbake 2 "${run[@]}" --set RamRoleName
    assert_contains '--set RamRoleName: expected NAME=VALUE'
    for bad in InstanceType=x ImageId=x ClientToken=x DryRun=true RegionId=x Amount=2 VSwitchId=vsw-2; do
        run_ccbake 2 "${run[@]}" --set "$bad"
        assert_contains "--set ${bad%%=*}: ccbake sets this itself"
    done
    for bad in BootMode=BIOS Features.NvmeSupport=unsupported Tag.1.Key=x; do
        run_ccbake 2 request import image.qcow2 oss://acme/x --set "$bad"
        assert_contains "--set ${bad%%=*}: ccbake sets this itself"
    done
    for bad in a =a aliyun=a acs:a=b ccbake-key=a http://a=b "$(printf 'k%.0s' {1..129})=a" "k=$(printf 'v%.0s' {1..129})"; do
        run_ccbake 2 request import image.qcow2 oss://acme/x --tag "$bad"
    done
    mapfile -t tags < <(printf -- '--tag=k%s=v\n' {1..15})
    run_ccbake request import image.qcow2 oss://acme/x "${tags[@]:1}"
    run_ccbake 2 request import image.qcow2 oss://acme/x "${tags[@]}"
    assert_contains '--tag k15=v: more than 20 tags, those of ccbake among them'
    run_ccbake 2 "${run[@]}" --tag a=1 --tag a=2
    assert_contains '--tag a=2: there is a tag a already'
    # The next number is that of ccbake-run.
    run_ccbake 2 "${run[@]}" --tag a=1 --set Tag.2.Key=b
    assert_contains '--set Tag.2.Key: ccbake sets this itself'
    run_ccbake 2 "${run[@]}" --http-tokens maybe
    for bad in --resource-group= --set=RamRoleName=; do
        run_ccbake 2 "${run[@]}" "$bad"$'\xff'
        assert_contains 'is not UTF-8'
    done
}

@test "request import: IMDSv2 where the bake found that cloud-init can" {
    import image.qcow2 oss://acme/x
    values Features.ImdsSupport=
    jq '.checks = {checks: [{id: "cloud-init.imds-v2", status: "fail"}]}' image.json >failed.json
    import image.qcow2 oss://acme/x --manifest failed.json
    values Features.ImdsSupport=
    jq '.checks.checks[0].status = "pass"' failed.json >passed.json
    import image.qcow2 oss://acme/x --manifest passed.json
    values Features.ImdsSupport=v2
}

@test "request run: what is missing or none is named" {
    local ids=(--vswitch vsw-1 --security-group sg-1 --key-pair k) type=ecs.gn8v-tee.4xlarge size
    run_ccbake 2 request run m-1 "${ids[@]}"
    assert_contains '--instance-type is missing'
    assert_contains 'ecs.gn8v-tee-8x.48xlarge'
    run_ccbake 2 request run m-1 "${ids[@]}" --instance-type ecs.g8i.large
    assert_contains '--instance-type=ecs.g8i.large is none of'
    assert_contains 'of another one say --gpus=1 or --gpus=8'
    run_ccbake 2 request run m-1 "${ids[@]}" --instance-type $type --region cn-shanghai
    assert_contains "$type is in cn-beijing, and not in cn-shanghai"
    run_ccbake 2 request run m-1 "${ids[@]}" --instance-type $type --zone cn-beijing-k
    assert_contains "$type is in cn-beijing-l, and not in cn-beijing-k"
    start $type --region cn-beijing --zone cn-beijing-l
    values RegionId=cn-beijing ZoneId=cn-beijing-l
    run_ccbake 2 request run m-1 --instance-type $type --security-group sg-1 --key-pair k
    assert_contains '--vswitch is missing'
    run_ccbake 2 request run m-1 --instance-type $type --vswitch sg-1 --security-group sg-1 --key-pair k
    assert_contains '--vswitch=sg-1: expected an ID like vsw-'
    run_ccbake 2 request run 'm 1' --instance-type $type "${ids[@]}"
    run_ccbake 2 request run m-1 --instance-type $type "${ids[@]}" --disk-size 2049
    assert_contains '--disk-size=2049: expected 20 to 2048 GiB'
    run_ccbake 2 request run m-1 --instance-type $type "${ids[@]}" --disk-size 19
    for size in 1 19 65537; do
        run_ccbake 2 request run m-1 --instance-type $type "${ids[@]}" --data-disk $size
        assert_contains "--data-disk=$size: expected 20 to 65536 GiB"
    done
    start $type --data-disk 65536
    values DataDisk.1.Size=65536
    run_ccbake 2 request run m-1 --instance-type $type "${ids[@]}" --bandwidth 101
    start $type --name 1-a
    values InstanceName=1-a
    run_ccbake 2 request run m-1 --instance-type $type "${ids[@]}" --name 1
    assert_contains '--name: the instance name "1" has 1 character'
    run_ccbake 2 request frob x
    assert_contains 'expected import IMAGE oss://BUCKET/KEY, or run IMAGE-ID'
    run_ccbake 2 request import image.qcow2
}

@test "request import: the options of an instance are refused, each one" {
    local option
    while read -r option; do
        run_ccbake 2 request import image.qcow2 oss://acme/x "--$option=$([[ $option != http-tokens ]] && echo 1 || echo optional)"
        assert_contains "request import: --$option is an option of \`ccbake request run\`"
    done < <("$CCBAKE" --tables | sed -nE 's/^request\t--([a-z-]+)\t[^\t]*\trun: .*/\1/p' | tee options)
    assert_equal "$(wc -l <options)" 10
}

@test "request run: a system disk is as large as the image that the manifest tells of" {
    run_ccbake 2 request run m-1 --instance-type ecs.gn8v-tee-8x.16xlarge --vswitch vsw-1 --security-group sg-1 \
        --key-pair k --manifest image.json --disk-size 39
    assert_contains '--disk-size=39: expected 40 to 2048 GiB'
    start ecs.gn8v-tee-8x.16xlarge --manifest image.json --disk-size 40
    values SystemDisk.Size=40
}

@test "request run: an image for eight GPUs is not for one" {
    start ecs.gn8v-tee-8x.16xlarge --manifest image.json
    values Tag.1.Key=ccbake-key "Tag.1.Value=$(jq -r .key image.json)" Tag.2.Key=ccbake-run "Tag.2.Value=$(value ClientToken)"
    start ecs.gn8v-tee-8x.16xlarge --manifest image.json --dry-run
    values DryRun=true Tag.2.Key=
    run_ccbake 2 request run m-1 --instance-type ecs.gn8v-tee.4xlarge --vswitch vsw-1 --security-group sg-1 --key-pair k \
        --manifest image.json
    assert_contains 'the image is for 8 GPUs, and ecs.gn8v-tee.4xlarge has 1'
}
