# shellcheck shell=bash
# What every script here shares: messages, where things are, and how to run as another user.
# Sourced, never run. Written for bash 3.2, which is what macOS has.

# Used by the scripts that source this file.
# shellcheck disable=SC2034
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PARLOR_CACHE=${PARLOR_CACHE:-${HOME:-/tmp}/.cache/parlor}
CENTRIFUGO=$PARLOR_CACHE/bin/centrifugo

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }
is_macos() { [ "$(uname -s)" = Darwin ]; }

# at_least WANTED FOUND: compares dotted version numbers, so that 9 < 15 and 1.9 < 1.24.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]; }

# One number for the content of the files named on standard input, in any order.
digest_of_files() { LC_ALL=C sort | tr '\n' '\0' | xargs -0 cksum | cksum | tr -d ' \n'; }

# Debian starts a service as soon as its package is installed. We start private instances ourselves,
# so the policy says no while we install, and is put back as it was.
without_services() (
  policy=/usr/sbin/policy-rc.d saved=
  if [ -e "$policy" ]; then
    saved=$(mktemp)
    as_root cp -p "$policy" "$saved"
  fi
  # shellcheck disable=SC2317 # called by the trap
  restore() {
    if [ -n "$saved" ]; then
      as_root cp -p "$saved" "$policy" && as_root rm -f "$saved"
    else
      as_root rm -f "$policy"
    fi
  }
  trap restore EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  "$@"
)

# Never asks: where sudo wants a password, the message says what to type.
as_root() {
  if is_root; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  elif have sudo; then
    die "this needs administrator rights: $*
Run \`sudo -v\` (it asks for your password), then this script again."
  else
    die "this needs administrator rights: $*
Run this script as root, or install sudo."
  fi
}

# need_apt PACKAGE…: installs from the distribution; the list of packages is fetched once a run.
need_apt() {
  have apt-get || die "these packages are needed: $*
This script installs them on Debian, Ubuntu and macOS (Homebrew) only; install them with your system's package manager and run it again."
  apt_update
  say "installing $*"
  local log
  log=$(mktemp)
  if ! without_services as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "the packages above could not be installed; is the network up, and is no other installation running?"
  fi
  rm -f "$log"
}
APT_UPDATED=
apt_update() {
  [ -z "$APT_UPDATED" ] || return 0
  say "fetching the list of packages"
  as_root apt-get -o DPkg::Lock::Timeout=600 -qq update || die "apt-get update failed; is the network up?"
  APT_UPDATED=yes
}
# The version that apt would install, without epoch and Debian's suffixes; empty if there is none.
apt_version() {
  apt-cache policy "$1" 2>/dev/null |
    sed -n 's/^ *Candidate: *//p' | grep -v '(none)' | sed -e 's/^[0-9]*://' -e 's/[^0-9.].*//'
}
need_brew() {
  have brew || die "Homebrew is needed to install: $*
Install it from https://brew.sh and run this script again."
  say "installing $*"
  HOMEBREW_NO_AUTO_UPDATE=1 brew install "$@" >&2 || die "brew install $* failed; its message is above."
}

# PostgreSQL and RabbitMQ refuse to run as root, or should not: as root they run as their own user.
run_as() {
  local user=$1
  shift
  if is_root && id "$user" >/dev/null 2>&1; then
    setpriv --reuid "$user" --regid "$(id -gn "$user")" --init-groups -- "$@"
  else
    "$@"
  fi
}
as_postgres() { run_as postgres "$@"; }

# The newest PostgreSQL on this machine: the directory of initdb and postgres, or nothing.
postgres_bin() {
  local dir best='' best_version=0 version
  for dir in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
    "$(pg_config --bindir 2>/dev/null)"; do
    [ -x "$dir/initdb" ] || continue
    version=$("$dir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    if [ "$version" -gt "$best_version" ]; then best=$dir best_version=$version; fi
  done
  [ "$best_version" -ge 15 ] || return 1
  printf '%s\n' "$best"
}

rabbitmq_server() {
  local path
  # Debian's wrapper in /usr/sbin insists on its own directories, so the program behind it comes first.
  for path in /usr/lib/rabbitmq/bin/rabbitmq-server /opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server \
    /usr/local/opt/rabbitmq/sbin/rabbitmq-server; do
    [ -x "$path" ] && printf '%s\n' "$path" && return
  done
  command -v rabbitmq-server
}

browser_path() {
  local path
  for path in chromium chromium-browser google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    /Applications/Chromium.app/Contents/MacOS/Chromium; do
    type -P "$path" && return
  done
  return 1
}

wanted_rust() { sed -n 's/^channel *= *"\(.*\)"/\1/p' "$ROOT/rust-toolchain.toml"; }

# Sets CARGO (and RUSTC where rustup is not in charge). Fails if no compiler here is new enough.
#
# The distribution's cargo must be called by its full path and told its compiler: it would otherwise
# find rustup's stand-in on PATH, and it does not read rust-toolchain.toml.
use_rust() {
  local wanted
  wanted=$(wanted_rust)
  case ":$PATH:" in *":${CARGO_HOME:-$HOME/.cargo}/bin:"*) ;; *) PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH ;; esac
  if have rustup && rustup toolchain list 2>/dev/null | grep -q "^$wanted-"; then
    CARGO=cargo
  elif [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] &&
    at_least "$wanted" "$(/usr/bin/rustc --version | sed 's/rustc \([0-9.]*\).*/\1/')"; then
    CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc
    [ ! -x /usr/bin/rustdoc ] || export RUSTDOC=/usr/bin/rustdoc
    export RUSTC
  else
    return 1
  fi
  export PATH CARGO
}

# The newest Python here that schemathesis runs on, with what makes environments; or nothing.
python_command() {
  local path
  for path in "$(command -v python3)" /opt/homebrew/bin/python3 /usr/local/bin/python3 /usr/bin/python3 \
    /usr/bin/python3.1[1-9]; do
    [ -x "$path" ] && "$path" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
      printf '%s\n' "$path" && return
  done
  return 1
}

node_is_new_enough() { have node && have npm && at_least 20.19 "$(node --version | tr -d v)"; }

target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# Thousands of sockets need as many file descriptors; the default is often 1,024.
raise_file_limit() { ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null || true; }

# npm_packages DIR: installs what its lock file pins, unless that is what is there.
npm_packages() {
  local dir=$1 stamp=$1/node_modules/.parlor-lock key
  key=$(cksum <"$dir/package-lock.json")
  [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0
  say "installing the npm packages of ${dir#"$ROOT"/}"
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error >&2) || die "npm ci failed in $dir; its message is above."
  printf '%s\n' "$key" >"$stamp"
}

# python_packages REQUIREMENTS: prints the directory of an environment with what the file pins, made at the first call
# and whenever the file or Python changes.
python_packages() (
  python=$(python_command) || die "Python 3.11 or newer is needed; run script/bootstrap fuzz."
  key=$({ "$python" --version && cat "$1"; } | cksum | tr -d ' ')
  dir=$PARLOR_CACHE/venv-$key
  mkdir -p "$PARLOR_CACHE"
  # Two checkouts may arrive here together.
  if have flock; then
    exec 9>"$dir.lock"
    flock 9
  fi
  if [ ! -e "$dir/complete" ]; then
    say "installing the Python packages of ${1#"$ROOT"/}"
    rm -rf "$dir"
    {
      "$python" -m venv "$dir" && "$dir/bin/python" -m pip install --quiet --no-deps --requirement "$1" &&
        "$dir/bin/python" -m pip check && touch "$dir/complete"
    } >&2 || die "the Python packages could not be installed; the message is above."
  fi
  printf '%s\n' "$dir"
)

# The page that the server shows at its address. Built again only when one of its files has changed.
build_demo() {
  local dir=$ROOT/examples/demo key
  [ -f "$dir/package.json" ] || return 0
  npm_packages "$dir"
  key=$(find "$dir" \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print | digest_of_files)
  [ "$(cat "$dir/dist/.parlor-inputs" 2>/dev/null)" != "$key" ] || return 0
  say "building the demo page"
  (cd "$dir" && npm run --silent build >&2) || die "the demo page did not build; the message is above."
  printf '%s\n' "$key" >"$dir/dist/.parlor-inputs"
}
