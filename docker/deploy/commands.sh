# up, push and destroy. Sourced by deploy.sh, last of its folder's scripts to be used.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share deploy.sh's variables and set each other's

readonly DEFAULT_STACK=image-machine

deploy::help() {
  case "$1" in
    up) cat <<'TEXT' ;;
./deploy.sh up [--stack NAME] [SETTING=VALUE ...]

Builds the images, pushes them to ECR, creates or updates the stack. Run again, it changes only what changed; a run
that was interrupted is finished by the next. Settings are the parameters of shared/stack.yaml, such as Memory=3008 or
SourceBucketName=my-pictures, and stay as they are until they are given again. A bucket that exists is used as it is.

  --stack NAME   another name than image-machine, for a second machine in the same account and region

The account is that of your AWS CLI (AWS_PROFILE, AWS_REGION). PLATFORM=linux/arm64 builds for Graviton.
TEXT
    push) cat <<'TEXT' ;;
./deploy.sh push [--stack NAME] [VARIANT ...]

Builds, pushes and updates only these functions; all of them if none is named. Nothing else of the stack is touched.
TEXT
    destroy) cat <<'TEXT' ;;
./deploy.sh destroy [--stack NAME] [--yes] [--delete-pictures]

Takes the stack, its images and its empty buckets away, after asking. A bucket with pictures in it is kept.

  --yes               do not ask
  --delete-pictures   delete the buckets that the stack made, with everything in them
TEXT
  esac
}

# Reads --stack, the other options named in $1, and the words. Sets stack, options and words.
deploy::arguments() {
  local command="$1" allowed="$2"
  shift 2
  stack="${DEFAULT_STACK}" options=" " words=()
  while (($#)); do
    case "$1" in
      -h | --help)
        deploy::help "${command}"
        exit 0
        ;;
      --stack)
        if (($# < 2)); then wrong_usage "--stack wants a name."; fi
        stack="$2"
        shift
        ;;
      -*)
        if [[ " ${allowed} " != *" $1 "* ]]; then wrong_usage "\`./deploy.sh ${command}\` has no option $1."; fi
        options+="$1 "
        ;;
      *) words+=("$1") ;;
    esac
    shift
  done
}

deploy::up() {
  deploy::arguments up "" "$@"
  preflight::parameters ${words[@]+"${words[@]}"}
  preflight::all
  output::line "Account ${account}, region ${region}, stack ${stack}, ${#variants[@]} variants, ${architecture}."
  stack::repair
  adopted=()
  if [[ ${status} == NONE ]]; then buckets::adopt ${words[@]+"${words[@]}"}; fi
  images::repository
  images::ensure "${variants[@]}"

  output::step "Bringing the stack up"
  local list all
  printf -v list '%s,' "${variants[@]}"
  all="$(images::parameter "${digests[@]}")"
  stack::apply "${here}/shared/stack.yaml" "Variants=${list%,}" "Digests=${all}" "Repository=${repository}" \
    "Architecture=${architecture}" ${words[@]+"${words[@]}"} ${adopted[@]+"${adopted[@]}"}
  if [[ "$(stack::parameter ExistingSourceBucket)" == true ]]; then
    buckets::notify add "$(stack::output SourceBucket)" "$(stack::output Topic)"
  fi
  images::prune "${all}"
  if [[ ${changed} == no ]]; then
    echo "Nothing changed: ${stack} is up to date."
  else
    echo "${stack} is up."
  fi
  deploy::next
}

# What a person needs to use the machine.
deploy::next() {
  cat <<TEXT

  Upload:   aws s3 cp photo.jpg $(stack::output UploadTo)
  Results:  aws s3 ls --recursive s3://$(stack::output OutputBucket)/
  Logs:     aws logs tail --follow /aws/lambda/${stack}-${variants[0]}
  Rejected: aws sqs receive-message --queue-url $(stack::output "DeadLetters${variants[0]}") \\
              --message-attribute-names All
TEXT
}

deploy::push() {
  deploy::arguments push "" "$@"
  preflight::all
  local word deployed pair pairs
  for word in ${words[@]+"${words[@]}"}; do
    if [[ " ${variants[*]} " != *" ${word} "* ]]; then
      wrong_usage "There is no variant \"${word}\"; there are ${variants[*]}."
    fi
  done
  stack::repair
  deployed=",$(stack::parameter Variants),"
  if [[ ${status} == NONE ]]; then fail "There is no stack ${stack} yet: ./deploy.sh up makes it."; fi
  if ((${#words[@]} == 0)); then words=("${variants[@]}"); fi
  for word in "${words[@]}"; do
    if [[ ${deployed} != *",${word},"* ]]; then fail "The stack has no ${word} yet: ./deploy.sh up adds it."; fi
  done
  images::repository
  images::ensure "${words[@]}"
  # The others stay at the digest that they run.
  IFS=';' read -ra pairs <<<"$(stack::parameter Digests)"
  for pair in "${pairs[@]}"; do
    if [[ " ${words[*]} " != *" ${pair%%=*} "* ]]; then digests+=("${pair}"); fi
  done
  output::step "Updating ${words[*]}"
  stack::apply previous "Digests=$(images::parameter "${digests[@]}")"
  if [[ ${changed} == no ]]; then
    echo "Nothing changed: ${words[*]} run what is here already."
  else
    echo "Updated: ${words[*]}."
  fi
}

deploy::destroy() {
  deploy::arguments destroy "--yes --delete-pictures" "$@"
  if ((${#words[@]})); then wrong_usage "\`./deploy.sh destroy\` takes options only."; fi
  preflight::all
  local delete_pictures=no answer buckets=()
  if [[ ${options} == *" --delete-pictures "* ]]; then delete_pictures=yes; fi
  if [[ ${options} != *" --yes "* ]]; then
    printf 'Take %s in account %s, %s away' "${stack}" "${account}" "${region}" >&2
    if [[ ${delete_pictures} == yes ]]; then printf ', and DELETE ALL ITS PICTURES' >&2; fi
    printf '? Type its name: ' >&2
    read -r answer || answer=""
    if [[ ${answer} != "${stack}" ]]; then fail "Nothing was touched."; fi
  fi
  stack::settle
  if [[ ${status} != NONE ]]; then
    local source output
    source="$(stack::output SourceBucket)" output="$(stack::output OutputBucket)"
    if [[ "$(stack::parameter ExistingSourceBucket)" == true ]]; then
      # First, or S3 would announce uploads to a topic that is gone.
      buckets::notify remove "${source}"
      output::line "s3://${source} is kept: it was there before the stack."
    elif [[ -n ${source} ]]; then
      buckets+=("${source}")
    fi
    if [[ "$(stack::parameter ExistingOutputBucket)" != true && ${output} != "${source}" && -n ${output} ]]; then
      buckets+=("${output}")
    fi
    output::step "Deleting the stack"
    aws cloudformation delete-stack --stack-name "${stack}"
    stack::settle
    if [[ ${status} != NONE && ${status} != DELETE_COMPLETE ]]; then
      fail "The stack could not be deleted (${status}): $(stack::cause)
Put that right and run the command again."
    fi
  else
    # An earlier run may have been interrupted after this.
    buckets=("${stack}-uploads-${account}-${region}" "${stack}-results-${account}-${region}")
  fi
  buckets::remove "${delete_pictures}" ${buckets[@]+"${buckets[@]}"}
  if aws ecr describe-repositories --repository-names "${stack}" >/dev/null 2>&1; then
    output::step "Deleting the images"
    aws ecr delete-repository --repository-name "${stack}" --force >/dev/null
  fi
  echo "${stack} is gone."
}
