# The buckets that the stack does not own, and the end of those that it made. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share deploy.sh's variables and set each other's

# Whether bucket $1 exists and is ours; fails where it belongs to somebody else.
buckets::exists() {
  local said
  if said="$(aws s3api head-bucket --bucket "$1" 2>&1)"; then return 0; fi
  case "${said}" in
    *404* | *"Not Found"* | *NoSuchBucket*) return 1 ;;
    *) fail "The bucket's name $1 is taken, or you may not use it: choose another. S3 says: ${said##*$'\n'}" ;;
  esac
}

# Parameters for the buckets of a stack that does not exist yet: one that is there already is used as it is. That is a
# bucket of yours, or one that outlived an earlier stack. The words NAME=VALUE given decide the names.
buckets::adopt() {
  local word source="" output=""
  for word in "$@"; do
    case "${word}" in
      SourceBucketName=*) source="${word#*=}" ;;
      OutputBucketName=*) output="${word#*=}" ;;
    esac
  done
  source="${source:-${stack}-uploads-${account}-${region}}"
  output="${output:-${stack}-results-${account}-${region}}"
  if buckets::exists "${source}"; then
    output::line "The bucket ${source} exists and is used as it is."
    adopted+=("SourceBucketName=${source}" ExistingSourceBucket=true)
  fi
  if [[ ${output} != "${source}" ]] && buckets::exists "${output}"; then
    output::line "The bucket ${output} exists and is used as it is."
    adopted+=("OutputBucketName=${output}" ExistingOutputBucket=true)
  fi
}

# Adds the stack's notification to a bucket that is not the stack's, or takes it away; what else is there stays.
buckets::notify() {
  "${aws_python}" "${here}/docker/deploy/notification.py" "$1" "${stack}" "$2" "${3:-}" ||
    fail "The notification of s3://$2 could not be changed."
}

# Deletes the buckets that the stack made and left behind. Pictures are deleted only if that was said.
buckets::remove() {
  local delete_pictures="$1" bucket said
  for bucket in "${@:2}"; do
    buckets::exists "${bucket}" || continue
    if [[ ${delete_pictures} == yes ]]; then
      output::step "Deleting what is in s3://${bucket}"
      "${aws_python}" "${here}/docker/deploy/empty.py" "${bucket}" || fail "s3://${bucket} could not be emptied."
    fi
    if said="$(aws s3api delete-bucket --bucket "${bucket}" 2>&1)"; then
      output::line "s3://${bucket} is gone."
    elif [[ ${said} == *BucketNotEmpty* ]]; then
      output::line "s3://${bucket} is kept: there are pictures in it. (--delete-pictures deletes them.)"
    else
      fail "s3://${bucket} could not be deleted. S3 says: ${said##*$'\n'}"
    fi
  done
}
