# Completion of echproxy's command line for bash.
# shellcheck shell=bash disable=SC2207  # words without blanks

# _echproxy_options COMMAND prints its options.
_echproxy_options() {
  local trust='--config --state-dir --help'
  local names="--mode --resolver --bootstrap --local-domain --resolver-ca
    --upstream-ca --upstream-proxy $trust"
  case $1 in
    run) echo "--listen --users --workers --verbose --quiet --log-format $names" ;;
    check) echo "--json $names" ;;
    config) echo '--init --force --show --config --help' ;;
    trust) echo "--list --dry-run $trust" ;;
    untrust) echo "--delete --all --dry-run $trust" ;;
    ca) echo "--pem --fingerprint --rotate $trust" ;;
    keygen)
      echo "--out --format --force --name --port --config-id --avoid
        --max-name-length --kem --suite --help"
      ;;
    inspect) echo '--config --json --help' ;;
    publish) echo '--name --format --port --alpn --ttl --help' ;;
    rotate)
      echo '--keep --every --ttl --max-name-length --dry-run --help'
      ;;
  esac
}

# _echproxy_values COMMAND OPTION prints the values that the option can have.
_echproxy_values() {
  case $1$2 in
    *--mode) echo 'prefer strict' ;;
    *--log-format) echo 'text json' ;;
    *--kem) echo 'x25519 p256' ;;
    keygen--format) echo 'pem go nss raw' ;;
    publish--format) echo 'zone generic nsupdate wkech' ;;
    keygen--suite)
      echo 'hkdf-sha256,aes-128-gcm hkdf-sha256,aes-256-gcm
        hkdf-sha256,chacha20-poly1305'
      ;;
  esac
}

_echproxy() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local command=run
  local commands='run check config keygen inspect publish rotate ca trust untrust'
  COMPREPLY=()
  # --option=value is three words to bash.
  if [ "$cur" = '=' ]; then
    cur=
  elif [ "$prev" = '=' ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [[ $COMP_CWORD -gt 1 && " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
    command=${COMP_WORDS[1]}
  fi
  case $prev in
    -c | --config | --resolver-ca | --upstream-ca | --users | --out | --avoid)
      COMPREPLY=($(compgen -f -- "$cur"))
      return
      ;;
    --state-dir)
      COMPREPLY=($(compgen -d -- "$cur"))
      return
      ;;
    --mode | --log-format | --kem | --format | --suite)
      COMPREPLY=($(compgen -W "$(_echproxy_values "$command" "$prev")" \
        -- "$cur"))
      return
      ;;
    --listen | --workers | --resolver | --bootstrap | --local-domain | \
      --upstream-proxy | --name | --port | --config-id | --max-name-length | \
      --alpn | --ttl | --keep | --every)
      return
      ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ] && [[ $cur != -* ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_echproxy_options "$command")" -- "$cur"))
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY+=($(compgen -W '--version' -- "$cur"))
    fi
  else
    case $command in
      check) COMPREPLY=($(compgen -A hostname -- "$cur")) ;;
      inspect | publish) COMPREPLY=($(compgen -f -- "$cur")) ;;
      rotate) COMPREPLY=($(compgen -d -- "$cur")) ;;
    esac
  fi
}

complete -o filenames -F _echproxy echproxy
