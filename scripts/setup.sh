#!/usr/bin/env bash
# Set-up of a working copy: Python environment, programs, container engine.
#
# Says what it does, does nothing that is done already, and never calls sudo: what it may not do, it says
# how to do. As root on Debian or Ubuntu it installs what is missing with apt-get.
#
#   scripts/setup.sh python                      .venv for `make check` and `make docs`
#   scripts/setup.sh test [wanted|required]      the same, the tests' programs, a container engine
#   scripts/setup.sh demo                        .venv, the demo's programs, a container engine (required)
#   scripts/setup.sh stop-engine                 ends the engine that this script started, if it did
#
# Environment: PYTHON        the interpreter to use (3.11 or newer)
#              DOCKERD_FLAGS more flags for a dockerd started here, such as --data-root=/big/disk
#              and what pip, apt-get and Docker read themselves (indexes, proxies, DOCKER_HOST)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly venv="$PWD/.venv"
readonly cache="$PWD/.cache"
readonly log="$cache/setup.log"
readonly engine_log="$cache/dockerd.log"
readonly engine_pid="$cache/dockerd.pid"
readonly engine_wait=60 # seconds
readonly oldest_openssh=8.2
export PATH="$PATH:/usr/sbin:/sbin" # where dockerd and iptables are, also for those who log in without them

say() { printf 'setup: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
can_install() { is_root && have apt-get; }

fail() {
  printf 'setup: error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf 'setup:   %s\n' "$@" >&2
  exit 1
}

# Runs a command with its talk in the log; shows the end of it only when the command fails.
logged() {
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  fail "'$*' failed" "the whole output is in $log"
}

apt_lists_are_new=no
apt_install() {
  can_install || fail "missing: $*" "install it, as root on Debian or Ubuntu: apt-get install $*"
  export DEBIAN_FRONTEND=noninteractive
  if [ "$apt_lists_are_new" = no ]; then
    say "reading the package lists (apt-get update)"
    logged apt-get -o DPkg::Lock::Timeout=300 update
    apt_lists_are_new=yes
  fi
  say "installing $*"
  logged apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Prints the first interpreter that is new enough and can import the modules in $1.
first_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3}; do
    if "$candidate" -c "import sys, $1; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

find_python() {
  first_python "ensurepip, venv" && return
  local found package
  if found=$(first_python sys); then # Debian keeps ensurepip in a package of its own
    package=$("$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    apt_install "$package" >&2
  elif ! have "${PYTHON:-python3}" && [ -z "${PYTHON:-}" ]; then
    apt_install python3 python3-venv >&2
  fi
  first_python "ensurepip, venv" && return
  fail "Python 3.11 or newer with venv was not found (${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>&1 || true))" \
    "Debian 12, Ubuntu 24.04 and newer have it; Ubuntu 22.04 has 3.10, which is too old" \
    "elsewhere install one, then name it: PYTHON=/path/to/python3.12 make ..."
}

# What the environment was made from; another answer means it has to be made again.
fingerprint() { printf '%s\n' "$PWD" | cat - pyproject.toml | sha256sum | cut -d' ' -f1; }

setup_python() {
  local extra=$1 python stamp
  stamp=$(fingerprint)
  if grep -qsx "$stamp" "$venv/.setup-$extra" "$venv/.setup-dev" && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    say "creating .venv with $("$python" -V) ($python)"
    rm -rf "$venv"
    logged "$python" -m venv "$venv"
  fi
  say "installing the package and its '$extra' dependencies into .venv"
  logged "$venv/bin/python" -m pip install --disable-pip-version-check --editable ".[$extra]"
  printf '%s\n' "$stamp" >"$venv/.setup-$extra"
}

# Prints the packages of the programs that are missing; arguments are program=package.
missing_packages() {
  local pair
  for pair in "$@"; do
    have "${pair%%=*}" || printf '%s ' "${pair#*=}"
  done
}

need_programs() {
  local packages
  read -ra packages <<<"$(missing_packages "$@")"
  [ ${#packages[@]} -eq 0 ] || apt_install "${packages[@]}"
}

# Some of the work can be done without these: where they cannot be installed, that is said and no more.
wish_programs() {
  if can_install; then
    need_programs "$@"
  elif [ -n "$(missing_packages "$@")" ]; then
    say "warning: not installed, what needs them is skipped or fails: $(missing_packages "$@")"
  fi
}

check_openssh() {
  local version
  version=$(ssh -V 2>&1 | sed -n 's/^OpenSSH_\([0-9.]*\).*/\1/p')
  if [ "$(printf '%s\n%s\n' "$oldest_openssh" "${version:-0}" | sort -V | head -n 1)" != "$oldest_openssh" ]; then
    fail "OpenSSH ${version:-(unknown)} is too old to sign files" "OpenSSH $oldest_openssh or newer is needed"
  fi
}

# Asks as the program will ask: through the Docker SDK, so DOCKER_HOST counts and no client is needed.
engine_says() {
  "$venv/bin/python" - 2>&1 <<'PYTHON'
import sys
import docker
try:
    print(docker.from_env(timeout=5).version()["Version"])
except Exception as e:
    while e.__context__ is not None:  # what the socket said, below what urllib3 and requests made of it
        e = e.__context__
    sys.exit(f"{type(e).__name__}: {e}")
PYTHON
}

no_engine() {
  local why=$1 need=$2
  local advice=(
    "install one:      apt-get install docker.io        (as root)"
    "start it:         systemctl start docker           (as root)"
    "allow this user:  adduser $(id -un) docker         (as root; then log in again)"
    "or name another:  export DOCKER_HOST=unix:///path/to/docker.sock"
  )
  [ "$need" = wanted ] || fail "no container engine: $why" "${advice[@]}"
  {
    printf '\n%s\n' "################################################################"
    printf '  NO CONTAINER ENGINE: %s\n' "$why"
    printf '  Tests that run containers will be SKIPPED.\n'
    printf '    %s\n' "${advice[@]}"
    printf '%s\n\n' "################################################################"
  } >&2
}

# A killed engine leaves its pid file; once another process has that number, dockerd refuses to start.
remove_stale_pid() {
  local file=$1 program=$2 pid
  [ -s "$file" ] || return 0
  pid=$(cat "$file")
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$program" ] && return
  say "removing $file, left behind by an engine that is gone"
  rm -f "$file"
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    say "starting the docker service"
    logged systemctl start docker
    return
  fi
  remove_stale_pid /var/run/docker.pid dockerd
  remove_stale_pid /var/run/docker/containerd/containerd.pid containerd
  say "starting dockerd (log: ${engine_log#"$PWD"/})"
  # Its own session, no inherited terminal and not our lock (9): it outlives this script.
  # shellcheck disable=SC2086 # several flags in one variable
  setsid nohup dockerd ${DOCKERD_FLAGS:-} >"$engine_log" 2>&1 </dev/null 9>&- &
  printf '%s\n' "$!" >"$engine_pid"
}

wait_for_engine() {
  local second
  for ((second = 0; second < engine_wait; second++)); do
    engine_says >/dev/null && return
    # Ours has ended: another clone's, started at the same moment, may still come up.
    [ ! -s "$engine_pid" ] || [ -d "/proc/$(cat "$engine_pid")" ] || ((second < 10)) || return 1
    sleep 1
  done
  return 1
}

setup_engine() {
  local need=$1 answer
  if ! answer=$(engine_says); then
    if [ -n "${DOCKER_HOST:-}" ]; then
      no_engine "nothing answers at DOCKER_HOST=$DOCKER_HOST ($answer)" "$need"
      return
    elif ! is_root; then
      no_engine "asked for its version: $answer" "$need"
      return
    fi
    if ! have dockerd && ! have apt-get; then
      no_engine "dockerd is not installed" "$need"
      return
    fi
    need_programs dockerd=docker.io
    need_programs docker=docker-cli # newer Debian has the client in a package of its own
    start_engine
    if ! wait_for_engine; then
      [ ! -s "$engine_log" ] || tail -n 15 "$engine_log" >&2
      stop_engine
      no_engine "dockerd did not start, see $engine_log" "$need"
      return
    fi
    answer=$(engine_says)
  fi
  say "container engine $answer answers"
}

stop_engine() {
  local pid second
  [ -s "$engine_pid" ] || return 0
  pid=$(cat "$engine_pid")
  rm -f "$engine_pid"
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
  say "stopping the dockerd that was started here"
  kill "$pid"
  for ((second = 0; second < 20; second++)); do
    [ -d "/proc/$pid" ] || return 0
    sleep 1
  done
}

mkdir -p "$cache"
exec 9>"$cache/setup.lock"
! have flock || flock 9 # two targets at once set up once

case "${1:-}" in
python)
  setup_python dev
  ;;
test)
  setup_python dev
  need_programs git=git ssh-keygen=openssh-client
  wish_programs mmdebstrap=mmdebstrap docker-registry=docker-registry busybox=busybox-static \
    shellcheck=shellcheck
  # Ubuntu's package of that name installs a snap, which needs a daemon; there the page tests are skipped.
  ! grep -q '^ID=debian' /etc/os-release 2>/dev/null || wish_programs chromium=chromium
  check_openssh
  setup_engine "${2:-wanted}"
  ;;
demo)
  setup_python all
  need_programs git=git ssh-keygen=openssh-client
  wish_programs mmdebstrap=mmdebstrap # makes the images' base where none can be pulled
  check_openssh
  setup_engine required
  ;;
stop-engine)
  stop_engine
  ;;
*)
  fail "what to set up?" "scripts/setup.sh python | test [wanted|required] | demo | stop-engine"
  ;;
esac
