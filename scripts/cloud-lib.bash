# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by import-image, run-instance and check-instance: options, calls of the vendor's CLI, explanations of its errors, and
# waiting.
#
#   need PROGRAM...           exits with 5 unless all of them are installed
#   cloud ACTION ARGUMENT...  runs `aliyun ecs` in $region; sets $answer, or fails and sets $error_code and $error_text
#   cloud_or_die ...          the same; explains an error and exits with 1
#   cloud_or_later ...        the same within a wait: reports a temporary error and fails, so that the caller asks again
#   look_for_stock TYPE [ZONE]  says where an instance type is sold out; never fails
#   take_id FILTER            sets $id to the ID in the last answer, found by this filter of jq; or exits with 1
#   to_arguments COMMAND...   sets $arguments for `aliyun` to the words that `ccbake request` prints
#   wait_until SECONDS WHAT FUNCTION   calls FUNCTION until it returns something else than 1, and shows a bar; see there

# shellcheck disable=SC2034 # $arguments, $id and $error_text are for the scripts

shopt -s extglob
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
if [[ -z ${CCBAKE:-} ]]; then
    CCBAKE=ccbake
    [[ ! -x $here/../build/ccbake ]] || CCBAKE=$here/../build/ccbake
fi
me=$(basename "$0")
region=cn-beijing    # of all calls
call_limit=120       # seconds for one call
attempts=5           # of a call that the cloud's rate limit refuses
pause=${CCBAKE_PAUSE:-5} # seconds before the second attempt, and between the first two calls of a wait
profile=()           # options of aliyun that select the credentials
drawn=''             # not empty while the last line of the terminal is a bar
resting=''           # the process of the current pause
trap '[[ -z $resting ]] || kill "$resting" 2>/dev/null' EXIT

say() {
    end_progress
    printf '%-8s %s\n' "$1" "$2" >&2
}

die() {
    local status=$1 line
    end_progress
    shift
    printf '%s: %s\n' "$me" "$1" >&2
    for line in "${@:2}"; do
        printf 'hint: %s\n' "$line" >&2
    done
    exit "$status"
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || die 5 "$program is not installed"
    done
}

# option_value "$@": sets $value to the value of the option --name VALUE or --name=VALUE, and $taken to its number of
# words.
option_value() {
    if [[ $1 == --*=* ]]; then
        value=${1#*=} taken=1
    elif (($# >= 2)); then
        value=$2 taken=2
    else
        die 2 "$1 needs a value" "see $me --help"
    fi
}

# rest SECONDS: a sleep that a trapped signal interrupts at once.
rest() {
    sleep "$1" >/dev/null 2>&1 &
    resting=$!
    wait "$resting"
    resting=''
}

# --- calls ------------------------------------------------------------------------------------------------------------

# apart COMMAND...: sets $answer to its standard output and $complaint to its standard error, so that a warning is not part of
# an answer.
apart() {
    local file fd status=0
    { file=$(mktemp) && exec {fd}<>"$file" && rm "$file"; } || die 5 "no temporary file can be made"
    answer=$("$@" 2>&"$fd") || status=$?
    complaint=$(<"/dev/fd/$fd")
    exec {fd}>&-
    return "$status"
}

# A field of an error of the CLI, from either output: "ErrorCode: X", or in JSON.
error_field() {
    printf '%s\n' "$complaint" "$answer" |
        sed -nE -e "s/^.*\"$1\": *\"(([^\"\\\\]|\\\\.)*)\".*\$/\1/p" -e "s/^(.*[^\"A-Za-z])?$1: *(.*)\$/\2/p" |
        sed 's/\\"/"/g' | head -n 1
}

is_temporary() {
    case $1 in
        Throttling* | ServiceUnavailable* | InternalError | Idempotence.Processing | IdempotentProcessing | LastTokenProcessing | OperationConflict) ;;
        IncorrectVpcStatus | IncorrectVSwitchStatus) ;; # it is being made
        *) return 1 ;;
    esac
}

# --region selects the endpoint; without it the CLI may use the region of its profile instead of --RegionId.
cloud() {
    local try status delay=$pause
    for ((try = 1; ; try++)); do
        status=0
        apart timeout --foreground -k 5 "$call_limit" aliyun ecs "$1" --region "$region" "${@:2}" \
            "${profile[@]}" || status=$?
        ((status != 0)) || return 0
        error_code=$(error_field ErrorCode)
        [[ -n $error_code ]] || error_code=$(error_field Code)
        error_text=$(error_field Message) request_id=$(error_field RequestId)
        ((status != 124)) || error_code=Timeout error_text="no answer within $call_limit s"
        is_temporary "$error_code" && ((try < attempts)) || return 1
        say wait "$error_code: trying again in $delay s"
        rest "$delay"
        delay=$((delay * 2))
    done
}

cloud_or_die() {
    cloud "$@" || give_up "$1"
}

# An error without a code did not come from the cloud, but from the network: it is retried until the wait's time is up.
cloud_or_later() {
    local reason
    ! cloud "$@" || return 0
    [[ -z $error_code || $error_code == Timeout ]] || is_temporary "$error_code" || give_up "$1"
    reason=${error_text:-${complaint:-${answer:-no answer}}}
    say wait "$1: ${reason%%$'\n'*}: asking again"
    return 1
}

# Explains the error of the last call and exits.
give_up() {
    local meaning
    end_progress
    [[ -n $error_code || $complaint$answer != *'aliyun configure'* ]] ||
        die 1 "aliyun has no credentials that it can use: ${complaint:-$answer}" \
            "run \`aliyun configure\`, or use --profile=NAME; nothing was sent"
    meaning=$(meaning_of "$error_code")
    printf '%s: %s: %s\n' "$me" "$1" "${meaning:-${error_text:-${complaint:-${answer:-no answer}}}}" >&2
    printf '  %-10s %s\n' code "${error_code:-unknown}" message "${error_text:-none}" RequestId "${request_id:-none}" >&2
    [[ -n $error_code && $error_code != Timeout ]] ||
        die 1 "the cloud did not answer: aliyun or the network failed" \
            "run the same command again: it is the same request, which is carried out once"
    exit 1
}

# RunInstances reports a sold-out type only after minutes, as Zone.NotOnSale; DescribeAvailableResource knows at once.
look_for_stock() {
    local type=$1 zone=${2:-} zones has lacks
    cloud DescribeAvailableResource --RegionId "$region" --DestinationResource InstanceType --InstanceType "$type" || {
        say stock "can't tell whether $type is sold out: ${error_code:-${complaint:-no answer}}"
        return 0
    }
    # Two lines: the zones that have it, and those that lack it.
    mapfile -t zones < <(jq -r --arg type "$type" '[.AvailableZones.AvailableZone[]? | .ZoneId as $zone
        | .AvailableResources.AvailableResource[]?.SupportedResources.SupportedResource[]? | select(.Value == $type)
        | {$zone, has: (.Status == "Available" and .StatusCategory != "WithoutStock")}] | (true, false) as $has
        | map(select(.has == $has).zone) | unique | join(" ")' <<<"$answer" 2>/dev/null)
    has=${zones[0]:-} lacks=${zones[1]:-}
    if [[ -z $has$lacks ]]; then
        say stock "can't tell whether $type is sold out: the answer does not name it"
    elif [[ -z $has ]]; then
        say stock "$type is not available in any zone of $region now${lacks:+: sold out in $lacks}"
    elif [[ -n $zone && " $has " != *" $zone "* ]]; then
        say stock "$type is not available in $zone now, but in $has"
    fi
}

take_id() {
    id=$(jq -er "$1" 2>/dev/null <<<"$answer") ||
        die 1 "the cloud accepted the request, but its answer does not name the result: $answer" \
            "run the same command again: it is the same request, and creates nothing new"
}

to_arguments() {
    mapfile -d '' arguments < <("$@")
}

# The meaning of a documented error code, and what to do; nothing for others.
meaning_of() {
    case $1 in
        # of every call
        InvalidAccessKeyId* | SignatureDoesNotMatch | InvalidSecurityToken* | MissingSecurityToken)
            echo "the credentials of aliyun are not valid: run \`aliyun configure\`" ;;
        Forbidden.RAM | Forbidden | NoPermission | Forbidden.Unauthorized | Forbidden.SubUser)
            echo "this account may not do that: it needs a RAM policy for ECS (AliyunECSFullAccess, or a smaller one)" ;;
        InvalidAccountStatus.OSSDisabled) echo "OSS is not switched on for this account" ;;
        InvalidAccountStatus.NotEnoughBalance | InvalidAccountStatus* | Account.Arrearage | InsufficientBalance)
            echo "the account has not enough balance, or payments are overdue" ;;
        InvalidTimeStamp.*)
            echo "the clock of this machine is wrong, and the cloud rejects requests with another time: set it (\`timedatectl\`)" ;;
        Forbidden.RiskControl)
            echo "the cloud's risk control blocks this account: see the messages in the console, or open a ticket" ;;
        RealNameAuthenticationError) echo "the account is not verified: do the real-name registration in the console" ;;
        PaymentMethodNotFound | InvalidPayMethod | NoPaymentMethod)
            echo "the account has no method of payment: add one in the console" ;;
        RegionUnauthorized | InvalidRegionId.Unauthorized) echo "this account may not use the region" ;;
        EntityNotExist.ResourceGroup | InvalidResourceGroup*) echo "there is no such resource group; see --resource-group" ;;
        UnsupportedHTTPMethod | InvalidAction.NotFound | InvalidVersion) echo "the endpoint does not know the call: is aliyun configured for ECS?" ;;
        Throttling*) echo "the cloud limits the rate of calls; run it again later" ;;
        InvalidRegionId.NotFound) echo "there is no such region" ;;
        DryRunOperation | DRYRUN.SUCCESS) echo "the request is valid" ;;
        # of ImportImage
        NoSetRoletoECSServiceAcount | NoSetRoletoECSServiceAccount | InvalidRole*)
            echo "ECS may not read the bucket: create the RAM role AliyunECSImageImportDefaultRole (exactly this name), which ecs.aliyuncs.com may assume, with the policy AliyunECSImageImportRolePolicy" ;;
        InvalidOSSBucket.NotFound | InvalidOSSBucket.NotMatched)
            echo "there is no such bucket in the region of the image: both must be in the same" ;;
        InvalidOSSBucket.Malformed) echo "this can't be the name of a bucket" ;;
        InvalidOSSBucket.EncryptUnsupported)
            echo "no image can be imported from an encrypted bucket: upload it to one without encryption" ;;
        InvalidOSSBucket.FlowLimit) echo "the bucket's read rate is at its limit: run this again later" ;;
        InvalidOSS.NotAuthorized)
            echo "ECS may not read this bucket or object: see what the role AliyunECSImageImportDefaultRole and the policy of the bucket allow (oss:GetObject, oss:GetBucketLocation, oss:GetBucketInfo)" ;;
        InvalidOSSObject.Size) echo "the object in the bucket is empty" ;;
        InvalidOSSObject.NeedRestore)
            echo "the object is archived: restore it, or upload the image to a bucket of the class Standard" ;;
        UnsupportedSuffix.OSSObject) echo "the cloud rejects the ending of the key: use that of the format" ;;
        InvalidOSSObject.NotFound | InvalidOSSObject.Malformed)
            echo "the bucket does not have the image under this key" ;;
        InvalidImageName.Duplicated)
            echo "another image has this name: choose another one with --name, or delete that image" ;;
        InvalidImageName.Malformed) echo "the cloud rejects this name; see --name" ;;
        InvalidImageSize | InvalidDataDiskSize | InvalidOperation.DiskImageSizeExceeded)
            echo "the cloud rejects the size of the image; see --disk-size" ;;
        InvalidImageFormat.Malformed) echo "the cloud rejects the format of the image: it accepts qcow2, VHD and raw" ;;
        InvalidImageFormat.RegionNotSupported)
            echo "this region does not import this format: make another one with \`ccbake convert\`" ;;
        InvalidVHDImage.IncorrectSize | InvalidBlockSize.NotSupport)
            echo "the cloud can't read this VHD: make it with \`ccbake convert --to vhd\`, or import the qcow2" ;;
        InvalidBootMode.*)
            echo "the cloud rejects BootMode=UEFI here, which the confidential GPU types need: send all that \`ccbake request import\` prints" ;;
        InvalidRegion.NotSupport) echo "no images can be imported in this region" ;;
        ImageIsImporting) echo "this image is being imported already" ;;
        QuotaExceed.Image) echo "the account has its maximum of custom images: delete some, or raise the quota" ;;
        ImportImageFailed) echo "the import failed inside the cloud: try again, or open a ticket" ;;
        UserNotInTheWhiteList) echo "the account may not import images: open a ticket" ;;
        # of RunInstances
        InvalidImageId.NotFound) echo "there is no such image in this region and account" ;;
        OperationDenied.ImageNotValid)
            echo "the image is disabled, deleted, of another region, or not for this account: see it in the console" ;;
        InvalidInstanceType.NotSupportDiskCategory) echo "the instance type does not support this category of disk in this zone" ;;
        ImageNotSupportInstanceType | InvalidImage.NotSupport* | InvalidInstanceType.NotSupport* | InvalidParameter.NotMatch | InvalidParameter.Conflict)
            echo "the image and the instance type do not fit: was it imported with BootMode=UEFI and NvmeSupport, as scripts/import-image does?" ;;
        InvalidInstanceType.ValueNotSupported | InvalidInstanceType.ValueUnauthorized | InvalidResourceType.NotSupported | Zone.NotOnSale | InvalidInstanceType.ZoneNotSupported)
            echo "this zone does not have the instance type for this account; the family may need an invitation" ;;
        OperationDenied.NoStock | Invalid.Zone.NotEnoughResource)
            echo "the instance type is sold out in this zone: try again later, with --again=WORD, another word each time (the same request gets the same answer)" ;;
        OperationDenied)
            echo "the cloud denies it; its message below says whether the image, a disk, the zone or the account is the reason" ;;
        Zone.NotOpen | InvalidZoneId.NotOpen) echo "this zone is not open to this account: choose another one" ;;
        InvalidZoneId* | InvalidZone.NotFound) echo "there is no such zone in this region" ;;
        IncorrectVpcStatus | IncorrectVSwitchStatus) echo "the VPC or the vSwitch is being made or changed: try again in a minute" ;;
        InvalidRamRole* | InvalidUserRole*) echo "there is no such RAM role, or ECS may not assume it" ;;
        InvalidUserData*) echo "UserData is invalid: it must be Base64, of at most 32 kB" ;;
        InvalidPrivatePool* | PrivatePool*) echo "the private pool does not have this type, or is used up" ;;
        InvalidVSwitchId.NotFound | InvalidVSwitchId*) echo "there is no such vSwitch in this zone" ;;
        InvalidSecurityGroupId*) echo "there is no such security group in the VPC of the vSwitch" ;;
        OperationDenied.InconsistentNetwork | InvalidParameter.Mismatch)
            echo "the security group and the vSwitch are in different VPCs: choose them in the same one" ;;
        InvalidKeyPairName.NotFound | InvalidKeyPair*) echo "there is no such key pair in this region" ;;
        QuotaExceed.* | QuotaExceeded*) echo "a quota of the account is used up: raise it in the console" ;;
        InvalidDiskSize* | InvalidSystemDiskSize*) echo "the cloud rejects the size of a disk; see --disk-size" ;;
        IdempotentParameterMismatch)
            echo "an earlier request with this token was another one; --again=WORD makes this a new one" ;;
        # of both, of what ccbake itself writes into a request
        MissingParameter* | *.Malformed | InvalidArchitecture.* | InvalidPlatform.* | InvalidLicenseType.* | TagKey.Duplication)
            echo "the cloud rejects the request as ccbake made it: please report this, with the lines below" ;;
    esac
}

# --- waiting ----------------------------------------------------------------------------------------------------------

show_progress() {
    local what=$1 percent=$2 seconds=$3 filled
    if [[ -t 2 ]]; then
        drawn=yes filled=$((percent * 30 / 100))
        printf '\r%-8s [%-30s] %3d %%  %d min ' "$what" "$(printf '%*s' "$filled" '' | tr ' ' '=')" "$percent" \
            $((seconds / 60)) >&2
    elif [[ $percent != "${shown:-}" ]]; then
        say "$what" "$percent %, after $seconds s"
        shown=$percent
    fi
}

end_progress() {
    [[ -z $drawn ]] || echo >&2
    drawn=''
}

# Calls FUNCTION at growing intervals. FUNCTION returns 0 on success, 1 if it is not done, 2 if it failed, and sets $percent.
# Returns 1 when the time is up.
wait_until() {
    local limit=$1 what=$2 ask=$3 started=$SECONDS distance=$pause status
    percent=0 shown=
    while status=0 && { "$ask" || status=$?; } && ((status == 1)); do
        show_progress "$what" "$percent" $((SECONDS - started))
        if ((SECONDS - started >= limit)); then
            end_progress
            return 1
        fi
        rest "$distance"
        ((distance >= 12 * pause)) || distance=$((distance + pause))
    done
    ((status != 0)) || show_progress "$what" 100 $((SECONDS - started))
    end_progress
}
