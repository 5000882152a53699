# The CloudFormation stack: what state it is in, how it gets to the next. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share deploy.sh's variables and set each other's

readonly STACK_POLL_SECONDS=2

# Reads what is known of the stack into facts, a line of kind, key and value each, and status: NONE if there is none.
stack::read() {
  local lists="[[['status', '', StackStatus]], Parameters[].['parameter', ParameterKey, ParameterValue],
    Outputs[].['output', OutputKey, OutputValue]]"
  facts="$(aws cloudformation describe-stacks --stack-name "${stack}" --output text \
    --query "Stacks[0].${lists}[]" 2>/dev/null || true)"
  status="$(stack::fact status '')"
  status="${status:-NONE}"
}

# The value of the parameter or output (kind $1) with key $2, or nothing.
stack::fact() {
  awk -F '\t' -v kind="$1" -v key="$2" '$1 == kind && $2 == key { print $3; exit }' <<<"${facts}"
}

stack::parameter() {
  stack::fact parameter "$1"
}

stack::output() {
  stack::fact output "$1"
}

# Waits until nothing is under way, telling what happens. Sets status and facts.
stack::settle() {
  local seen="" events line
  stack::read
  while [[ ${status} == *_IN_PROGRESS && ${status} != REVIEW_IN_PROGRESS ]]; do
    events="$(aws cloudformation describe-stack-events --stack-name "${stack}" --max-items 200 --output text \
      --query 'reverse(StackEvents[].[EventId, ResourceStatus, LogicalResourceId])' 2>/dev/null || true)"
    while read -r line; do
      if [[ -n ${line} && ${seen} != *"${line%%[[:space:]]*}"* ]]; then
        # What happened before we looked is no news.
        if [[ -n ${seen} && ${line} == *_COMPLETE* ]]; then output::line "${line#*[[:space:]]}"; fi
        seen+=" ${line%%[[:space:]]*}"
      fi
    done <<<"${events}"
    sleep "${STACK_POLL_SECONDS}"
    stack::read
  done
}

# Brings a stack that an interrupted or failed run left behind to where it can be created or updated. Sets status and facts.
stack::repair() {
  stack::settle
  case "${status}" in
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | DELETE_FAILED | REVIEW_IN_PROGRESS)
      output::step "The stack's creation or removal was not finished (${status}); clearing it away"
      aws cloudformation delete-stack --stack-name "${stack}"
      stack::settle
      if [[ ${status} != NONE && ${status} != DELETE_COMPLETE ]]; then
        fail "The stack ${stack} cannot be cleared away (${status}): $(stack::cause)"
      fi
      ;;
    UPDATE_ROLLBACK_FAILED)
      output::step "The stack's last update could not be undone; trying again"
      aws cloudformation continue-update-rollback --stack-name "${stack}"
      stack::settle
      ;;
  esac
  if [[ ${status} == DELETE_COMPLETE ]]; then status=NONE; fi
}

# Creates or updates the stack. The template is $1, a file, or "previous"; the parameters NAME=VALUE follow, and all
# others stay as they are. Sets changed to yes or no.
stack::apply() {
  local template=(--template-body "file://$1") verb=update said
  if [[ $1 == previous ]]; then template=(--use-previous-template); fi
  if [[ ${status} == NONE ]]; then verb=create; fi
  changed=yes
  if ! said="$(aws cloudformation "${verb}-stack" --stack-name "${stack}" "${template[@]}" \
    --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND \
    --parameters "$(stack::parameters "${@:2}")" --tags "Key=image-machine,Value=${stack}" 2>&1)"; then
    if [[ ${said} == *"No updates are to be performed"* ]]; then
      changed=no
      return
    fi
    fail "CloudFormation refuses the stack. It says: ${said##*$'\n'}"
  fi
  stack::settle
  case "${status}" in
    CREATE_COMPLETE | UPDATE_COMPLETE | UPDATE_COMPLETE_CLEANUP_IN_PROGRESS) ;;
    *) fail "The stack could not be brought up (${status}): $(stack::cause)
Put that right and run the command again." ;;
  esac
}

# The parameters NAME=VALUE as JSON; on an update those that are not given keep their values.
stack::parameters() {
  local word name given=" " separator=""
  printf '['
  for word in "$@"; do
    printf '%s{"ParameterKey": "%s", "ParameterValue": %s}' "${separator}" "${word%%=*}" "$(stack::json "${word#*=}")"
    separator=", "
    given+="${word%%=*} "
  done
  if [[ ${status} != NONE ]]; then
    while read -r name; do
      if [[ ${given} != *" ${name} "* ]]; then
        printf '%s{"ParameterKey": "%s", "UsePreviousValue": true}' "${separator}" "${name}"
        separator=", "
      fi
    done < <(awk -F '\t' '$1 == "parameter" { print $2 }' <<<"${facts}")
  fi
  printf ']'
}

stack::json() {
  local text="${1//\\/\\\\}"
  printf '"%s"' "${text//\"/\\\"}"
}

# The first thing that failed, in CloudFormation's words.
stack::cause() {
  local failed="StackEvents[?contains(ResourceStatus, 'FAILED')]"
  aws cloudformation describe-stack-events --stack-name "${stack}" --output text \
    --query "reverse(${failed})[0].[LogicalResourceId, ResourceStatusReason]" 2>/dev/null || echo "it gives no reason"
}
