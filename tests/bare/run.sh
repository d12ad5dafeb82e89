#!/usr/bin/env bash
# From an empty system to a living desk: the README's commands on a machine with rustup's toolchain, git, apt and a C compiler.
#
# It makes a root with debootstrap and a bare home, gives it this machine's package sources, certificates and proxies
# (read when it runs: nothing of them is written here), clones this checkout into it, and times what a newcomer types.
# Mounts and processes live in namespaces of their own and end with it. Needs root, debootstrap, unshare and curl.
set -euo pipefail

usage() {
  cat <<'END'
usage: cargo xtask bare [-- OPTIONS], or tests/bare/run.sh [OPTIONS]
  --toolchain read-only   (default) this machine's toolchain, which set-up cannot write to, without the browser's target
  --toolchain writable    a copy of it that set-up can write to
  --no-rustup-server      rustup finds nobody to ask
  --tarball FILE          sets QD_RUST_LIBRARY, and leaves apt no sources to look through for rust-src
  --yes                   passed to `cargo xtask demo`: without it the demo makes do with what needs no root
  --no-demo               not the demo
  --setup                 before all else `cargo xtask setup`, with --yes if that is given
  --gate                  also `cargo xtask test --yes`, half an hour or more
  --share-downloads       this machine's registry cache instead of downloads of its own
  --root DIR              the empty root; one that is there is used again as it is (default: a new one, removed at the end)
  --log DIR               where the logs go (default: beside the root)
  --port N                the demo's port (default: 8080)
END
}

toolchain=read-only rustup_server=yes tarball='' agreed=() demo=yes gate='' setup='' share='' root='' log='' port=8080
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --toolchain) toolchain=$2; shift ;;
    --no-rustup-server) rustup_server='' ;;
    --tarball) tarball=$(realpath "$2"); shift ;;
    --yes) agreed=(--yes) ;;
    --no-demo) demo='' ;;
    --setup) setup=yes ;;
    --gate) gate=yes ;;
    --share-downloads) share=yes ;;
    --root) root=$2; shift ;;
    --log) log=$2; shift ;;
    --port) port=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
  shift
done

fail() { echo "bare: $*" >&2; exit 1; }

# Everything below runs in namespaces of its own.
if [ -z "${QD_BARE_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || fail "needs root: it mounts and changes root"
  for program in debootstrap unshare chroot git curl rustup; do
    command -v "$program" >/dev/null || fail "$program is missing"
  done
  made=''
  if [ -z "$root" ]; then
    made=$(mktemp -d)
    arguments+=(--root "$made")
  fi
  QD_BARE_INSIDE=yes unshare --mount --pid --fork --kill-child --propagation private -- "${BASH_SOURCE[0]}" "${arguments[@]}" &
  inside=$!
  # With this one every process inside ends, and with the last of them every mount.
  trap 'kill -KILL "$inside"' INT TERM HUP
  code=0
  wait "$inside" || code=$?
  # A signal ends the wait before it ends the child.
  wait "$inside" 2>/dev/null || true
  if [ -n "$made" ]; then rm -rf --one-file-system "$made"; fi
  exit "$code"
fi

source_tree=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
cd "$source_tree"
mkdir -p "$root"
root=$(realpath "$root")
# What follows writes all over it as root.
if [ -n "$(ls -A "$root")" ] && [ ! -e "$root/.quarterdeck-bare" ]; then
  fail "$root is not empty, and this script did not make it"
fi
touch "$root/.quarterdeck-bare"
log=${log:-$root.log}
mkdir -p "$log"

started=$EPOCHREALTIME
seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }
report() { printf 'bare: %-34s %8s s\n' "$1" "$(seconds_since "$2")" | tee -a "$log/times"; }

# ---- the empty system
at=$EPOCHREALTIME
if [ ! -e "$root/etc/debian_version" ]; then
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --option APT::Get::IndexTargets::ReleaseInfo=false --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk -v name="$codename" '$1 == name { print $2; exit }')
  [ -n "$mirror" ] || fail "this machine's apt sources name no archive for $codename"
  debootstrap --variant=minbase --include="ca-certificates,git,gcc,libc6-dev${tarball:+,xz-utils}" "$codename" "$root" "$mirror" >"$log/debootstrap" 2>&1 || fail "debootstrap failed, see $log/debootstrap"
  report "debootstrap" "$at"
fi

# ---- what is this machine's own: sources, keys, certificates, names, proxies
copy() {
  for path in "$@"; do
    if [ -e "$path" ]; then
      mkdir -p "$root$(dirname "$path")"
      cp -a --dereference "$path" "$root$(dirname "$path")/" 2>/dev/null || true
    fi
  done
}
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
copy /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/keyrings /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d /usr/share/keyrings
while read -r part; do copy "$part"; done < <(grep -lE 'Acquire|[Pp]roxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/* 2>/dev/null || true)
copy /etc/resolv.conf /etc/hosts /etc/ssl/certs /usr/local/share/ca-certificates /etc/npmrc /usr/etc/npmrc "$HOME/.npmrc"
if [ -n "$tarball" ]; then
  # Without the index of any newer suite there is no rust-src of this release.
  sed -i 's/\bmain\b/non-free/' "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* 2>/dev/null || true
  cp "$tarball" "$root/var/"
fi
home=/root
bare_env=(HOME=$home USER=root LANG=C.UTF-8 TERM=dumb PATH="$home/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
while IFS='=' read -r name value; do
  case $name in
    *_[pP][rR][oO][xX][yY] | SSL_CERT_* | *_CA_BUNDLE | *_EXTRA_CA_CERTS | GIT_SSL_CAINFO | CARGO_HTTP_* | CARGO_REGISTRIES_* | CARGO_SOURCE_* | npm_config_* | NPM_CONFIG_* | RUSTUP_DIST_SERVER)
      bare_env+=("$name=$value")
      case $value in /*) if [ -f "$value" ]; then copy "$value"; fi ;; esac
      ;;
  esac
done < <(env)
[ -n "$rustup_server" ] || bare_env+=(RUSTUP_DIST_SERVER=http://127.0.0.1:9)
[ -z "$tarball" ] || bare_env+=(QD_RUST_LIBRARY="/var/$(basename "$tarball")")

# ---- rustup's toolchain, without the browser's target
rustup_home=$(rustup show home)
sysroot=$(realpath "$(rustc --print sysroot)")
name=$(rustup show active-toolchain | cut -d' ' -f1)
mkdir -p "$root$home/.cargo/bin" "$root$rustup_home"
cp -a "$(dirname "$(command -v rustup)")"/{rustup,cargo,cargo-clippy,cargo-fmt,clippy-driver,rustc,rustdoc,rustfmt} "$root$home/.cargo/bin/"
bare_env+=(RUSTUP_HOME="$rustup_home")
if [ "$toolchain" = writable ]; then
  copied="$root$rustup_home/toolchains/$name"
  if [ ! -e "$copied" ]; then
    mkdir -p "$copied"
    cp -a "$sysroot"/{bin,lib,libexec} "$copied/"
    cp -a "$rustup_home/settings.toml" "$rustup_home/update-hashes" "$root$rustup_home/"
    rm -rf "$copied"/lib/rustlib/wasm32-unknown-unknown
  fi
else
  mount --bind "$rustup_home" "$root$rustup_home"
  mount -o remount,bind,ro "$root$rustup_home"
  hidden="$root$sysroot/lib/rustlib/wasm32-unknown-unknown"
  if [ -e "$hidden" ]; then mount -t tmpfs -o ro tmpfs "$hidden"; fi
fi
if [ -f "${CARGO_HOME:-$HOME/.cargo}/config.toml" ]; then cp "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$root$home/.cargo/"; fi
if [ -n "$share" ]; then
  mkdir -p "$root$home/.cargo/registry"
  mount --bind "${CARGO_HOME:-$HOME/.cargo}/registry" "$root$home/.cargo/registry"
fi

# ---- the system's own folders
mkdir -p "$root"/{proc,sys,dev}
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /sys "$root/sys"
mount -o remount,bind,ro "$root/sys"

# ---- the checkout: a clone, and over it what is not committed yet
checkout=$home/quarterdeck
if [ ! -e "$root$checkout" ]; then
  git clone --quiet --no-hardlinks "file://$source_tree" "$root$checkout"
fi
while IFS= read -r -d '' path; do
  # Only what differs, with the time of now: cargo builds anew what is newer than its last build, and nothing else.
  if [ -f "$path" ] && ! cmp -s "$path" "$root$checkout/$path"; then
    mkdir -p "$root$checkout/$(dirname "$path")"
    cp "$path" "$root$checkout/$path"
  fi
done < <(git ls-files -z --cached --others --exclude-standard)

bare() { chroot "$root" /usr/bin/env -i "${bare_env[@]}" /bin/sh -c "cd $checkout && exec \"\$@\"" sh "$@"; }
echo "bare: $root, logs in $log"
bare git log -1 --format='bare: %h %s'

if [ -n "$setup" ]; then
  # Nothing of an earlier call may answer for this one, but what cargo built is no part of set-up.
  rm -rf "$root$checkout"/target/{toolchain,tools,node}
  at=$EPOCHREALTIME
  bare cargo xtask setup "${agreed[@]}" >"$log/setup" 2>&1 || missing=yes
  if [ -n "${missing:-}" ]; then
    # Without --yes that is how it should be: it may not install.
    [ "${#agreed[@]}" -eq 0 ] || fail "set-up misses something; see $log/setup"
    echo "bare: set-up misses something" | tee -a "$log/times"
  fi
  report "set-up" "$at"
  cat "$log/setup"
fi

# ---- the first command of the README
run_demo() {
  local at=$EPOCHREALTIME pid url='' jar="$log/jar" first second
  chroot "$root" /usr/bin/env -i "${bare_env[@]}" /bin/sh -c "cd $checkout && exec cargo xtask demo --port $port ${agreed[*]}" >"$log/$1" 2>&1 &
  pid=$!
  while [ -z "$url" ]; do
    kill -0 "$pid" 2>/dev/null || fail "the demo ended; see $log/$1: $(tail -n 3 "$log/$1")"
    sleep 0.2
    url=$(sed -n 's/^quarterdeck ready //p' "$log/$1")
  done
  report "$1: to the ready line" "$at"
  curl -sSf --noproxy '*' --max-time 10 "$url/" -o "$log/page" -L || fail "the page does not answer"
  rm -f "$jar"
  curl -sSf --noproxy '*' --max-time 10 -c "$jar" -H "Origin: $url" --data user=alice -o "$log/signed_in" "$url/auth/login" || fail "nobody can sign in"
  ask() { curl -sSf --noproxy '*' --max-time 10 -b "$jar" "$url$1"; }
  ask /auth/session >"$log/session" || fail "alice has no session"
  ask / >"$log/app" || fail "the app does not answer"
  grep -q '\.wasm\|loader' "$log/app" || fail "the app's page names no program"
  ask /api/v1/positions >"$log/positions" || fail "the positions do not answer"
  # A desk lives when its prices move.
  first=$(ask /api/v1/market/prices)
  for _ in $(seq 100); do
    second=$(ask /api/v1/market/prices)
    [ "$first" = "$second" ] || break
    sleep 0.1
  done
  [ "$first" != "$second" ] || fail "no price moved within 10 s"
  report "$1: page, sign-in, prices move" "$at"
  kill -TERM "$pid"
  wait "$pid" || fail "the demo ended with an error; see $log/$1"
  grep -q '^demo stopped' "$log/$1" || fail "the demo did not say that it stopped"
}
if [ -n "$demo" ]; then
  run_demo demo
  run_demo demo_again
fi

# ---- the second
if [ -n "$gate" ]; then
  at=$EPOCHREALTIME
  bare cargo xtask test --yes >"$log/gate" 2>&1 || fail "the gate ended with an error; see $log/gate: $(tail -n 20 "$log/gate")"
  report "gate" "$at"
  # One that skipped a step ends well too, so that a newcomer can go on; here it must be whole.
  grep '^gate passed' "$log/gate" || fail "the gate is not whole: $(tail -n 1 "$log/gate")"
  at=$EPOCHREALTIME
  bare cargo xtask setup >"$log/setup_again" 2>&1 || fail "set-up misses something after the gate; see $log/setup_again"
  report "set-up, nothing missing" "$at"
fi
report "together" "$started"
