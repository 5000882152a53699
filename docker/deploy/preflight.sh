# Checks everything that can be checked before anything is changed. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share deploy.sh's variables and set each other's

# Sets what all else relies on: account, region, stack, variants, platform, architecture.
preflight::all() {
  preflight::login
  preflight::names
  preflight::platform
}

# The AWS CLI of .machine/, whose version is pinned with the emulator's.
aws() {
  "${aws_python}" -m awscli "$@"
}

preflight::login() {
  aws_python="$(machine_python)" || exit
  region="${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}"
  if [[ -z ${region} ]]; then
    fail "No AWS region is chosen: export AWS_REGION=eu-central-1, or run \`aws configure\`."
  fi
  export AWS_DEFAULT_REGION="${region}" AWS_REGION="${region}" AWS_PAGER=''
  local said
  if ! said="$(aws sts get-caller-identity --query Account --output text 2>&1)"; then
    fail "AWS does not know who you are: run \`aws configure\`, \`aws sso login\`, or export AWS_PROFILE.
It says: ${said##*$'\n'}"
  fi
  account="${said}"
}

preflight::names() {
  local app name
  variants=()
  for app in "${here}"/images/*/app.py; do
    name="$(basename "$(dirname "${app}")")"
    # The same as the pattern of Variants in shared/stack.yaml, which says why.
    if [[ ! ${name} =~ ^[a-z][a-z0-9]{0,23}$ || ! ${name} =~ [g-z] ]]; then
      fail "images/${name} cannot be deployed: a variant's name is 1 to 24 lower-case letters and digits, begins with a
letter and holds one letter beyond f. Rename the folder, and the name in its app.py."
    fi
    variants+=("${name}")
    # Lambda runs the image as a user of its own, and Docker keeps the files' modes.
    if [[ -n "$(find "${app}" ! -perm -o=r)" ]]; then
      fail "images/${name}/app.py is not for everybody to read, and on Lambda it has to be: chmod -R go+rX images"
    fi
  done
  if [[ ! ${stack} =~ ^[a-z][a-z0-9]*(-[a-z0-9]+)*$ ]]; then
    wrong_usage "A stack's name is lower-case letters and digits, with single hyphens between; \"${stack}\" is not."
  fi
  # What AWS allows for a bucket and for a role; everything else may be longer.
  preflight::short "${stack}-uploads-${account}-${region}" 63
  for name in "${variants[@]}"; do preflight::short "${stack}-${name}-${region}" 64; done
}

preflight::short() {
  if ((${#1} > $2)); then
    wrong_usage "The stack's name is part of other names, and $1 is longer than the $2 characters that AWS allows."
  fi
}

# The images are for this computer's own architecture unless PLATFORM says otherwise: both run on Lambda.
preflight::platform() {
  case "${PLATFORM:-$(uname -m)}" in
    linux/amd64 | x86_64 | amd64) platform=linux/amd64 architecture=x86_64 ;;
    linux/arm64 | aarch64 | arm64) platform=linux/arm64 architecture=arm64 ;;
    *) wrong_usage "PLATFORM is linux/amd64 or linux/arm64, not \"${PLATFORM:-$(uname -m)}\"." ;;
  esac
}

# Whether images can be built here. Asked only when one has to be.
preflight::engine() {
  engine::answers || exit 1
  engine::client >/dev/null || exit 1
}

# NAME=VALUE words for the stack; what deploy.sh itself decides cannot be given.
preflight::parameters() {
  local known word name
  known="$(sed -n '/^Parameters:/,/^Mappings:/s/^  \([A-Za-z]*\):$/\1/p' "${here}/shared/stack.yaml" |
    grep -vxE 'Variants|Digests|Repository|Architecture|ExistingSourceBucket|ExistingOutputBucket')"
  for word in "$@"; do
    name="${word%%=*}"
    if [[ ${word} != *=* ]] || ! grep -qx -- "${name}" <<<"${known}"; then
      wrong_usage "\"${word}\" is no setting of the stack. They are written NAME=VALUE, and the names are:
$(paste -sd ' ' <<<"${known}" | fold -s -w 100)
"
    fi
  done
}
