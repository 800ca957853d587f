# Debian's packages, for `run`, `test` and `bench`, which source this file.
# shellcheck shell=bash

debian_list=$(dirname "${BASH_SOURCE[0]}")/debian-packages.txt

# debian_missing GROUP... prints the packages of the groups that are not
# installed, one a line.
debian_missing() {
  local wanted installed
  wanted=$(awk -v groups=" $* " \
    '!/^#/ && NF == 2 && index(groups, " " $1 " ") { print $2 }' \
    "$debian_list" | sort -u)
  # An architecture is part of the answer for some packages and not for others;
  # the name alone is asked for. Unknown packages make dpkg-query fail.
  # shellcheck disable=SC2086
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted \
    2>/dev/null | awk '$1 == "installed" { print $2 }' | sort -u || true)
  comm -23 <(echo "$wanted") <(echo "$installed")
}

# debian_install GROUP... installs what is missing, or says what to type and
# ends the script.
debian_install() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian: install what packaging/debian-packages.txt" \
      "lists by hand, then build with cmake (README.md, Building)." >&2
    exit 1
  fi
  mapfile -t missing < <(debian_missing "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    return 0
  fi
  if [ "$(id -u)" -ne 0 ]; then
    printf 'Some packages are missing. Install them and start again:\n\n' >&2
    printf '  sudo apt-get install --no-install-recommends %s\n\n' \
      "${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]}" >&2
  debian_apt update
  debian_apt install --no-install-recommends "${missing[@]}"
  debian_stop_services "${missing[@]}"
}

# debian_apt runs apt-get quietly; what it said is shown when it fails.
debian_apt() {
  local log status=0
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >"$log" 2>&1 </dev/null ||
    status=$?
  if [ $status -ne 0 ]; then
    cat "$log" >&2
    echo "apt-get $1 failed" >&2
  fi
  rm -f "$log"
  return $status
}

# debian_stop_services ends what a package started on its own: the demo, the
# tests and the bench need the programs, and nobody asked for a resolver on port
# 53 or a web server on port 80.
debian_stop_services() {
  local package service
  for package in "$@"; do
    case $package in
      squid-openssl) service=squid ;;
      unbound | knot | haproxy | nginx | privoxy | prometheus)
        service=$package
        ;;
      *) continue ;;
    esac
    if [ -d /run/systemd/system ]; then
      systemctl disable --now "$service" >/dev/null 2>&1 || true
    elif [ -x "/etc/init.d/$service" ]; then
      "/etc/init.d/$service" stop >/dev/null 2>&1 || true
    fi
  done
}
