#!/bin/bash
# Installs a Debian package of echproxy in a fresh Debian 12 that runs systemd,
# uses what it brings, and removes it.
#
#   tests/packaging/deb_test.sh DEB DIR
#
# DIR keeps the Debian between runs. It needs root, some minutes the first time,
# and Debian's packages from wherever this machine has them from. Within that
# Debian there is no network but loopback.
set -euo pipefail

deb=$(realpath "$1")
dir=$2
root=$dir/root
machine=

fail() {
  echo "deb_test: $*" >&2
  if [ -n "$machine" ]; then
    within journalctl -b --no-pager >"$dir/journal.log" || true
    echo "deb_test: see $dir/journal.log" >&2
  fi
  exit 1
}

# expect WHAT COMMAND... fails unless the command ends well.
expect() {
  local what=$1
  shift
  "$@" || fail "$what"
  echo "ok: $what" >&2
}

mirror() {
  # shellcheck disable=SC2016  # apt's own variables
  apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' \
    'Label: Debian' 'Created-By: Packages' | head -n 1
}

make_debian() {
  local base=$dir/base
  if [ ! -e "$base/made" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase \
      --include=systemd-sysv,dbus,dbus-user-session,libpam-systemd,curl,man-db \
      bookworm "$base" "$(mirror)" >"$dir/debootstrap.log" ||
      fail "debootstrap: see $dir/debootstrap.log"
    apt-config dump Acquire >"$base/etc/apt/apt.conf.d/99host"
    touch "$base/made"
  fi
  rm -rf "$root"
  cp -a --reflink=auto "$base" "$root"
  cp "$deb" "$root/echproxy.deb"
}

# What the package needs comes before the package, so that what is there after
# its removal can be compared with what was there before.
install_dependencies() {
  # shellcheck disable=SC2016  # it is for the shell within
  systemd-nspawn -q --register=no --keep-unit -D "$root" --pipe /bin/sh -ec '
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq -y --no-install-recommends satisfy "$(dpkg-deb -f \
      /echproxy.deb Depends)"' >"$dir/apt.log" 2>&1 </dev/null ||
    fail "apt-get: see $dir/apt.log"
}

# within COMMAND... runs it in the Debian that is up.
within() {
  nsenter -t "$machine" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# as_tester COMMAND... runs it as a user who is logged in.
as_tester() {
  within runuser -u tester -- env XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

# end_machine keeps the exit status: a machine that is gone already is none of
# its business.
end_machine() {
  local status=$?
  kill "$nspawn" 2>/dev/null || true
  sleep 1
  kill "$nspawn" 2>/dev/null || true
  wait || true
  exit $status
}

boot() {
  systemd-nspawn -q --register=no --keep-unit -D "$root" --private-network -b \
    --console=pipe >"$dir/boot.log" 2>&1 </dev/null &
  nspawn=$!
  trap end_machine EXIT
  for _ in $(seq 300); do
    machine=$(pgrep -P "$nspawn" -x systemd || true)
    if [ -n "$machine" ] &&
      within systemctl is-system-running 2>/dev/null |
      grep -Eq 'running|degraded'; then
      return
    fi
    sleep 0.1
  done
  fail "it does not start: see $dir/boot.log"
}

# files prints what is there, but for what changes by itself.
files() {
  (cd "$root" && find . \( -path ./proc -o -path ./sys -o -path ./run -o \
    -path ./tmp -o -path ./var/tmp -o -path ./dev -o -path ./var/log -o \
    -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/systemd -o \
    -path ./var/lib/apt \) -prune -o -print | sort)
}

page_is_there() { "$1" curl -sSf -o /dev/null --retry 0 http://127.0.0.1:8450/; }
nothing_listens() { ! within curl -s -o /dev/null http://127.0.0.1:8450/; }
property() { within systemctl show -P "$1" echproxy.service; }
fingerprint() { within sha256sum /var/lib/echproxy/proxy/ca.pem; }

# status_of FIELD prints what the kernel says of the running service.
status_of() {
  within sed -n "s/^$1:[[:space:]]*//p" "/proc/$(property MainPID)/status"
}

# As docs/SERVICES.md has it.
hand_over_a_password() {
  # shellcheck disable=SC2016  # it is for the shell within
  within sh -ec 'umask 077
    drop_in=/etc/systemd/system/echproxy.service.d
    mkdir $drop_in
    echo "[proxy]
upstream-proxy = socks5://me:secret@127.0.0.1:9" >/etc/echproxy/echproxy.conf
    echo "[Service]
LoadCredential=echproxy.conf:/etc/echproxy/echproxy.conf
ExecStart=
ExecStart=/usr/bin/echproxy run --state-dir %S/echproxy/proxy --config %d/echproxy.conf" >$drop_in/password.conf
    systemctl daemon-reload
    systemctl reset-failed echproxy.service echproxy.socket
    systemctl restart echproxy.socket'
}

use_of_the_machine() {
  local before
  expect 'nothing is started unasked' nothing_listens
  within systemctl -q enable --now echproxy.socket
  expect 'the socket listens' within systemctl -q is-active echproxy.socket
  expect 'the proxy does not run yet' test "$(property MainPID)" = 0
  expect 'the first connection starts it' page_is_there within
  expect 'it said that it is ready' test "$(property ActiveState)" = active
  expect 'its user is nobody else' test "$(status_of Uid | cut -f 1)" -ge 61184
  expect 'it has no capabilities' grep -qx '0*' <<<"$(status_of CapBnd)"
  expect 'system calls are filtered' test "$(status_of Seccomp)" = 2
  expect 'as many files may be open as the machine allows' within \
    grep -Eq '^Max open files +([0-9]+) +\1 ' "/proc/$(property MainPID)/limits"
  expect 'its key is its own' test "$(within stat -Lc '%a %u' \
    /var/lib/echproxy/proxy/ca-key.pem)" = "600 $(status_of Uid | cut -f 1)"
  # shellcheck disable=SC2016  # it is for the shell within
  expect 'root can read what it has done' within sh -ec '
    { printf "Authorization: Bearer "
      cat /var/lib/echproxy/proxy/running/127.0.0.1:8450
    } | curl -sSf -o /dev/null -H @- http://127.0.0.1:8450/api/status'
  before=$(fingerprint)
  within systemctl restart echproxy.service
  expect 'it is there after a restart' page_is_there within
  expect 'it has kept its CA' test "$(fingerprint)" = "$before"
  within sh -c 'mkdir /etc/echproxy; echo "[proxy]
mode = wrong" >/etc/echproxy/echproxy.conf'
  within systemctl restart echproxy.service 2>/dev/null || true
  expect 'it reads its file' test "$(property ExecMainStatus)" = 78
  hand_over_a_password
  expect 'a file with a password is handed over' page_is_there within
  within rm -r /etc/echproxy /etc/systemd/system/echproxy.service.d
  within systemctl daemon-reload
  within systemctl reset-failed echproxy.service echproxy.socket
  within systemctl restart echproxy.socket
  expect 'and runs again without' page_is_there within
}

use_of_a_user() {
  local pid
  within systemctl -q disable --now echproxy.socket echproxy.service
  within loginctl enable-linger tester
  for _ in $(seq 100); do
    if as_tester systemctl --user is-system-running >/dev/null 2>&1; then
      break
    fi
    sleep 0.1
  done
  as_tester systemctl --user -q enable --now echproxy.socket
  expect "a user's first connection starts it" page_is_there as_tester
  pid=$(as_tester systemctl --user show -P MainPID echproxy.service)
  expect 'system calls are filtered' within grep -qx 'Seccomp:[[:space:]]2' \
    "/proc/$pid/status"
  expect 'it can write nothing else' within \
    grep -Eq '^([^ ]+ ){4}/ ro' "/proc/$pid/mountinfo"
  expect "it has the user's CA" test \
    "$(within stat -c '%a %U' /home/tester/.local/state/echproxy)" = '700 tester'
  expect 'which the command line finds' test "$(as_tester env HOME=/home/tester \
    echproxy ca)" = /home/tester/.local/state/echproxy/ca.pem
  expect 'which it tells what it has done' as_tester env HOME=/home/tester \
    echproxy status
  expect 'and for nobody else' test "$(within stat -c '%a %U' \
    /home/tester/.local/state/echproxy/running \
    /home/tester/.local/state/echproxy/running/127.0.0.1:8450 |
    tr '\n' ' ')" = '700 tester 600 tester '
  as_tester systemctl --user -q disable --now echproxy.socket echproxy.service
  expect 'the token goes with the proxy' test ! -e \
    "$root/home/tester/.local/state/echproxy/running/127.0.0.1:8450"
}

# left_over FILE prints what is there and was not in FILE.
left_over() { comm -13 "$1" <(files); }

removal() {
  local state='^\./var/lib/(private/)?echproxy(/|$)|^\./home/'
  within systemctl -q enable --now echproxy.socket
  within systemctl -q --global enable echproxy.socket
  within mkdir -p /var/lib/echproxy/ech/public.example
  page_is_there within
  within dpkg --remove echproxy >"$dir/remove.log" 2>&1
  expect 'what runs is stopped' nothing_listens
  left_over "$dir/before" | grep -Ev "$state" >"$dir/left" || true
  expect "nothing is left but the state: $dir/left" test ! -s "$dir/left"
  expect "and that is" test -f "$root/var/lib/private/echproxy/proxy/ca-key.pem"
  within dpkg --purge echproxy >"$dir/purge.log" 2>&1
  expect 'purging deletes the CA' test ! -e "$root/var/lib/private/echproxy"
  expect "but no server's keys" test -d "$root/var/lib/echproxy/ech"
}

mkdir -p "$dir"
make_debian
install_dependencies
boot
within useradd -m -u 1000 tester
files >"$dir/before"
within dpkg -i /echproxy.deb >"$dir/install.log" 2>&1 ||
  fail "dpkg: see $dir/install.log"
expect 'the program runs' within echproxy --version
expect 'the man pages are found' within man -w echproxy echproxy.conf
use_of_the_machine
use_of_a_user
removal
echo 'The package installs, works and goes' >&2
