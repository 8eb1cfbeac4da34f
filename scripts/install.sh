#!/bin/sh
# Installs nanoctl for one user. It verifies the SHA-256 checksum before unpacking
# anything, and a failure leaves everything unchanged. See `--help`.
set -eu

usage() {
  cat <<'END'
Usage: install.sh [--to DIR] [--version X]

Downloads nanoctl for this machine, checks its SHA-256 sum and installs it.
No root is needed.

  --to DIR       install into this folder
                 (else NANOCTL_INSTALL_DIR, else ~/.local/bin)
  --version X    install this version, and no other
  -h, --help     print this

NANOCTL_DOWNLOAD_URL is the folder that holds SHA256SUMS and the archives of a
release: https, or http on this machine. {version} in it stands for --version.
END
}

fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2-}" ] || printf 'hint: %s\n' "$2" >&2
  exit "${3-1}"
}

have() {
  command -v "$1" >/dev/null 2>&1
}

need() {
  for tool; do
    have "$tool" || fail "this needs $tool, which is not on the PATH"
  done
}

main() {
  to=${NANOCTL_INSTALL_DIR:-}
  wanted=
  read_arguments "$@"
  base=${NANOCTL_DOWNLOAD_URL:-}
  check_base
  find_target
  need cat chmod cp dirname grep gzip mkdir mktemp mv rm rmdir tar
  find_downloader
  find_summer
  find_folder

  work=
  staged=
  made=
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d "${TMPDIR:-/tmp}/nanoctl-install.XXXXXX" 2>/dev/null) ||
    fail "no folder can be made in ${TMPDIR:-/tmp}" "name another in TMPDIR"

  download SHA256SUMS
  find_archive
  printf 'Downloading %s\n' "$base/$archive"
  download "$archive"
  check_sum
  unpack
  install_program
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help)
        usage
        exit 0
        ;;
      --to | --version)
        [ -n "${2-}" ] || fail "$1 wants a value" "see --help" 2
        if [ "$1" = --to ]; then to=$2; else wanted=$2; fi
        shift 2
        ;;
      --to=?*)
        to=${1#*=}
        shift
        ;;
      --version=?*)
        wanted=${1#*=}
        shift
        ;;
      *) fail "$1 is no option of this script" "see --help" 2 ;;
    esac
  done
  wanted=${wanted#v}
  case $wanted in
    *[!0-9A-Za-z.+-]*) fail "$wanted is no version" "" 2 ;;
  esac
}

# Sets $base to the release's location, without a trailing slash.
check_base() {
  [ -n "$base" ] || fail "nobody has said where to download from" \
    "no release is published yet; set NANOCTL_DOWNLOAD_URL to a folder with SHA256SUMS and the archives" 2
  case $base in
    *'{version}'*)
      [ -n "$wanted" ] || fail "NANOCTL_DOWNLOAD_URL asks for a version" "add --version" 2
      base=${base%%'{version}'*}$wanted${base#*'{version}'}
      ;;
  esac
  while [ "$base" != "${base%/}" ]; do base=${base%/}; done
  case $base in
    https://?*) ;;
    http://?*)
      is_loopback "${base#http://}" || fail "$base is not https" \
        "http is for this machine alone: what comes by it can be changed on the way" 2
      ;;
    *) fail "$base is not an https URL" "see --help" 2 ;;
  esac
}

# Whether the host after "http://" is this machine.
is_loopback() {
  authority=${1%%/*}
  case $authority in
    127.0.0.1 | localhost | '[::1]') return 0 ;;
    127.0.0.1:?* | localhost:?*) port=${authority#*:} ;;
    '[::1]:'?*) port=${authority#'[::1]:'} ;;
    *) return 1 ;;
  esac
  case $port in
    *[!0-9]*) return 1 ;;
  esac
}

find_target() {
  need uname
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no nanoctl for $system by this script" \
      "there are archives for Linux and macOS, and a zip for Windows" ;;
  esac
  case $machine in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no nanoctl for $machine" "there are archives for x86_64 and arm64" ;;
  esac
  target=$system-$machine
}

find_downloader() {
  if have curl; then
    downloader=curl
  elif have wget; then
    downloader=wget
  else
    fail "this needs curl or wget, and neither is on the PATH"
  fi
}

find_summer() {
  if have sha256sum; then
    summer=sha256sum
  elif have shasum; then
    summer=shasum
  elif have openssl; then
    summer=openssl
  else
    fail "this needs sha256sum, shasum or openssl, and none is on the PATH" \
      "nothing is installed that has not been checked"
  fi
}

# Sets $to to an absolute folder that can be written to or created.
find_folder() {
  if [ -z "$to" ]; then
    [ -n "${HOME:-}" ] || fail "there is no HOME to install into" "name a folder with --to" 2
    to=$HOME/.local/bin
  fi
  case $to in
    /*) ;;
    *) to=$(pwd)/$to ;;
  esac
  while [ "$to" != / ] && [ "$to" != "${to%/}" ]; do to=${to%/}; done
  [ ! -d "$to/nanoctl" ] || fail "$to/nanoctl is a folder" "name another folder with --to"
  anchor=$to
  while [ ! -e "$anchor" ] && [ ! -L "$anchor" ]; do anchor=$(dirname "$anchor"); done
  [ -d "$anchor" ] || fail "$anchor is not a folder" "name another folder with --to"
  if [ ! -w "$anchor" ] || [ ! -x "$anchor" ]; then
    fail "$anchor cannot be written to" "name a folder of yours with --to"
  fi
}

# Deletes what was created so far. $made says that folders were, below $anchor.
clean_up() {
  [ -z "$staged" ] || rm -f "$staged"
  [ -z "$work" ] || rm -rf "$work"
  [ -n "$made" ] || return 0
  folder=$to
  while [ "$folder" != "$anchor" ]; do
    rmdir "$folder" 2>/dev/null || return 0
    folder=$(dirname "$folder")
  done
}

# Fetches $base/$1 into the working folder.
download() {
  url=$base/$1
  said=$work/said
  : >"$said"
  case $base in
    https:*) protocols='=https' ;;
    *) protocols='=http,https' ;;
  esac
  if [ "$downloader" = curl ]; then
    curl --proto "$protocols" --fail --silent --show-error \
      --location --max-redirs 5 --connect-timeout 30 --dump-header "$work/headers" \
      --output "$work/$1" "$url" 2>"$said" || fail_download
    cat "$work/headers" >>"$said"
  else
    # Without -T: busybox 1.35 crashes on it.
    got=yes
    wget -S -t 1 -O "$work/$1" "$url" 2>"$said" || got=
    # The wget of some small systems doesn't validate certificates.
    ! grep -q 'certificate validation not implemented' "$said" ||
      fail "this wget does not check certificates" "install curl"
    [ -n "$got" ] || fail_download
  fi
  check_redirects
}

fail_download() {
  why=
  while read -r line; do
    case $line in
      curl:* | wget:* | *ERROR* | *failed:* | *nable\ to*) why=$line ;;
    esac
  done <"$said"
  fail "$url cannot be downloaded${why:+: $why}"
}

# Not every downloader can restrict redirects, but all of them show them.
check_redirects() {
  grep -i '^ *location: *http://' "$said" >"$work/redirects" || return 0
  while read -r _ to_url _; do
    to_url=${to_url%"$cr"}
    if [ "$base" = "${base#http:}" ] || ! is_loopback "${to_url#*://}"; then
      fail "$url leads to $to_url, which is not https"
    fi
  done <"$work/redirects"
}

# Finds the archive for this machine, and its checksum.
find_archive() {
  archive=
  sum=
  versions=
  sums=0
  while read -r digest name || [ -n "$digest" ]; do
    case $digest in
      *[!0-9a-f]*) continue ;;
    esac
    [ ${#digest} -eq 64 ] || continue
    sums=$((sums + 1))
    name=${name#\*}
    case $name in
      */*) continue ;;
      nanoctl-*-"$target".tar.gz) ;;
      *) continue ;;
    esac
    found=${name#nanoctl-}
    found=${found%-"$target".tar.gz}
    versions="$versions${versions:+, }$found"
    if [ -n "$wanted" ] && [ "$wanted" != "$found" ]; then continue; fi
    [ -z "$archive" ] || fail "$base has more than one nanoctl for $target: $versions" "choose with --version"
    archive=$name
    version=$found
    sum=$digest
  done <"$work/SHA256SUMS"
  [ -z "$archive" ] || return 0
  [ "$sums" -gt 0 ] || fail "$base/SHA256SUMS is no list of SHA-256 sums"
  [ -n "$versions" ] || fail "$base/SHA256SUMS lists no nanoctl for $target"
  fail "$base has no nanoctl $wanted for $target; it has $versions"
}

check_sum() {
  case $summer in
    sha256sum) actual=$(sha256sum <"$work/$archive") ;;
    shasum) actual=$(shasum -a 256 <"$work/$archive") ;;
    openssl) actual=$(openssl dgst -sha256 -r <"$work/$archive") ;;
  esac
  actual=${actual%% *}
  [ "$actual" = "$sum" ] || fail "$archive is not what SHA256SUMS says: its sum is $actual, not $sum" \
    "the download was cut short or changed; try again"
}

unpack() {
  inner=nanoctl-$version-$target/nanoctl
  tar -xzof "$work/$archive" -C "$work" "$inner" 2>"$work/said" ||
    fail "$archive has no $inner in it"
  chmod 755 "$work/$inner"
  # The runtime needs glibc: check before anything is replaced.
  new=$("$work/$inner" --version 2>"$work/said" </dev/null) ||
    fail "the nanoctl for $target does not run on this machine" \
      "on Linux it needs glibc, and ${TMPDIR:-/tmp} must allow programs (else name another in TMPDIR)"
}

install_program() {
  old=
  if [ -e "$to/nanoctl" ]; then
    old=$("$to/nanoctl" --version 2>/dev/null </dev/null) || old="one that does not run"
  fi
  [ "$anchor" = "$to" ] || made=yes
  mkdir -p "$to" || fail "$to cannot be made"
  staged=$(mktemp "$to/.nanoctl.XXXXXX") || fail "$to cannot be written to"
  if ! { cp "$work/$inner" "$staged" && chmod 755 "$staged" && mv -f "$staged" "$to/nanoctl"; }; then
    fail "$to/nanoctl cannot be written"
  fi
  staged=
  made=
  printf 'Installed %s\n' "$new"
  [ -z "$old" ] || printf '  instead of %s\n' "$old"
  printf '  as %s\n' "$to/nanoctl"
  case $version in
    *-trial) printf '  This is a trial build, not a release.\n' ;;
  esac
  case :${PATH:-}: in
    *:"$to":*)
      first=$(command -v nanoctl) || first=$to/nanoctl
      [ "$first" = "$to/nanoctl" ] || printf '  But %s comes first on your PATH.\n' "$first"
      ;;
    *) printf "  That folder is not on your PATH; add it: PATH=\"%s:\$PATH\"\n" "$to" ;;
  esac
}

cr=$(printf '\r')
main "$@"
