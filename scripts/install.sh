#!/bin/sh
# Installs nanoctl for one user. It verifies the SHA-256 checksum before unpacking
# anything, and the signature where it can; a failure leaves everything unchanged.
# See `--help`.
set -eu

# A release fills in its publisher.
default_url=
default_public_key=
default_repository=

usage() {
  cat <<'END'
Usage: install.sh [--to DIR] [--version X] [--require-signature]

Downloads nanoctl for this machine, checks its SHA-256 sum and, where it can, a
signature, and installs it. No root is needed.
On a system with musl, such as Alpine, it takes root, and puts glibc beside musl.

  --to DIR             install into this folder
                       (else NANOCTL_INSTALL_DIR, else ~/.local/bin)
  --version X          install this version, and no other
  --public-key KEY     whose signature minisign must find (else NANOCTL_PUBLIC_KEY)
  --require-signature  install nothing whose signature was not verified
  -h, --help           print this

NANOCTL_DOWNLOAD_URL is the folder that holds SHA256SUMS and the archives of a
release: https, or http on this machine. {version} in it stands for --version.
NANOCTL_REPOSITORY, owner/name, is where a workflow on GitHub has signed the
release: cosign or gh verifies that.
NANOCTL_INSTALL_ROOT is the system that gets glibc where it has musl, else /.
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
  public_key=${NANOCTL_PUBLIC_KEY:-$default_public_key}
  repository=${NANOCTL_REPOSITORY:-$default_repository}
  root=${NANOCTL_INSTALL_ROOT:-}
  required=
  read_arguments "$@"
  base=${NANOCTL_DOWNLOAD_URL:-$default_url}
  check_base
  find_target
  find_libc
  need cat chmod cp dirname grep gzip mkdir mktemp mv rm rmdir tar
  find_downloader
  find_summer
  find_folder

  work=
  staged=
  made=
  placed=
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d "${TMPDIR:-/tmp}/nanoctl-install.XXXXXX" 2>/dev/null) ||
    fail "no folder can be made in ${TMPDIR:-/tmp}" "name another in TMPDIR"

  download SHA256SUMS
  verify_signature
  choose_archive
  printf 'Downloading %s\n' "$base/$archive"
  download "$archive"
  check_sum
  say_verified
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
      --to | --version | --public-key)
        [ -n "${2-}" ] || fail "$1 wants a value" "see --help" 2
        case $1 in
          --to) to=$2 ;;
          --version) wanted=$2 ;;
          *) public_key=$2 ;;
        esac
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
      --public-key=?*)
        public_key=${1#*=}
        shift
        ;;
      --require-signature)
        required=yes
        shift
        ;;
      *) fail "$1 is no option of this script" "see --help" 2 ;;
    esac
  done
  wanted=${wanted#v}
  case $wanted in
    *[!0-9A-Za-z.+-]*) fail "$wanted is no version" "" 2 ;;
  esac
  case $public_key in
    *[!0-9A-Za-z+/=]*) fail "$public_key is no key of minisign" "it is the second line of its file" 2 ;;
  esac
  case $repository in
    '') ;;
    *[!0-9A-Za-z_./-]* | */*/* | /* | */) fail "$repository is no repository" "write owner/name" 2 ;;
    */*) ;;
    *) fail "$repository is no repository" "write owner/name" 2 ;;
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

# Sets $libraries where glibc has to come along: the program is linked with it.
find_libc() {
  libraries=
  [ "$system" = linux ] || return 0
  is_musl || return 0
  for loader in "$root"/lib64/ld-linux-*.so.* "$root"/lib/ld-linux-*.so.*; do
    [ ! -e "$loader" ] || return 0
  done
  libraries=-root
  if [ ! -d "$root/" ] || [ ! -w "$root/" ]; then
    fail "nanoctl needs glibc, and this system has musl" \
      "as root this script puts glibc beside it; or take a container image that has glibc"
  fi
}

is_musl() {
  if have ldd; then
    # musl's ldd knows no --version, and says what it is on stderr.
    case $(ldd --version 2>&1) in
      *musl*) return 0 ;;
      *) return 1 ;;
    esac
  fi
  for loader in "$root"/lib/ld-musl-*; do
    [ ! -e "$loader" ] || return 0
  done
  return 1
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
  if [ -n "$placed" ]; then remove_libraries; fi
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

# Verifies SHA256SUMS by what is there to do so. Sets $signed, or $why there is no signature.
verify_signature() {
  signed=
  why="it is not known who signs"
  if [ -n "$public_key$repository" ]; then why="there is no minisign, cosign or gh that can check one"; fi
  if [ -n "$public_key" ] && have minisign; then
    download SHA256SUMS.minisig
    minisign -V -q -P "$public_key" -m "$work/SHA256SUMS" -x "$work/SHA256SUMS.minisig" >/dev/null 2>&1 ||
      fail_signature minisign "the key $public_key"
    signed=minisign
  elif [ -n "$repository" ] && have cosign; then
    download SHA256SUMS.sigstore.json
    escape "$repository"
    cosign verify-blob --bundle "$work/SHA256SUMS.sigstore.json" \
      --certificate-identity-regexp "^https://github\\.com/$escaped/\\.github/workflows/release\\.yml@refs/tags/v" \
      --certificate-oidc-issuer https://token.actions.githubusercontent.com \
      "$work/SHA256SUMS" >/dev/null 2>&1 || fail_signature cosign "$repository"
    signed=cosign
  elif [ -n "$repository" ] && have gh && gh attestation verify --help >/dev/null 2>&1; then
    ask_gh
  fi
  [ -n "$signed" ] || [ -z "$required" ] || fail "no signature was verified: $why" \
    "without --require-signature the checksum alone is enough"
}

ask_gh() {
  status=0
  gh attestation verify "$work/SHA256SUMS" --repo "$repository" \
    --signer-workflow "$repository/.github/workflows/release.yml" --format json \
    >"$work/attested" 2>/dev/null </dev/null || status=$?
  if [ "$status" = 4 ]; then
    why="gh is not logged in"
    return 0
  fi
  # gh before 2.67 ended with 0 where it had found none.
  if [ "$status" != 0 ] || ! grep -q verificationResult "$work/attested"; then
    fail_signature gh "$repository"
  fi
  signed=gh
}

fail_signature() {
  fail "$1 finds no signature of SHA256SUMS by $2" "somebody may have changed the release; nothing was installed"
}

# Sets $escaped to a regular expression for a text without other special characters than dots.
escape() {
  escaped=
  rest=$1
  while [ "$rest" != "${rest#*.}" ]; do
    escaped=$escaped${rest%%.*}'\.'
    rest=${rest#*.}
  done
  escaped=$escaped$rest
}

say_verified() {
  if [ -n "$signed" ]; then
    printf '  Checked by its sum, and that by its signature (%s).\n' "$signed"
  else
    printf '  Checked by its sum only: %s.\n' "$why"
  fi
}

# The smaller archive, if xz is there and the release has it.
choose_archive() {
  ending=$libraries.tar.gz
  if [ -z "$libraries" ] && have xz; then
    while read -r _ name; do
      case $name in
        *"-$target.tar.xz") ending=.tar.xz ;;
      esac
    done <"$work/SHA256SUMS"
  fi
  find_archive
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
      nanoctl-*-"$target$ending") ;;
      *) continue ;;
    esac
    found=${name#nanoctl-}
    found=${found%-"$target$ending"}
    versions="$versions${versions:+, }$found"
    if [ -n "$wanted" ] && [ "$wanted" != "$found" ]; then continue; fi
    [ -z "$archive" ] || fail "$base has more than one nanoctl for $target: $versions" "choose with --version"
    archive=$name
    version=$found
    sum=$digest
  done <"$work/SHA256SUMS"
  [ -z "$archive" ] || return 0
  [ "$sums" -gt 0 ] || fail "$base/SHA256SUMS is no list of SHA-256 sums"
  [ -n "$versions" ] || fail "$base/SHA256SUMS lists no nanoctl for $target${libraries:+ with glibc}"
  fail "$base has no nanoctl $wanted for $target${libraries:+ with glibc}; it has $versions"
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
  [ -z "$libraries" ] || inner=usr/local/bin/nanoctl
  case $ending in
    *.xz) xz -dc "$work/$archive" 2>/dev/null | tar -xof - -C "$work" "$inner" 2>"$work/said" ;;
    *) tar -xzof "$work/$archive" -C "$work" "$inner" 2>"$work/said" ;;
  esac || fail "$archive has no $inner in it"
  [ -z "$libraries" ] || place_libraries
  chmod 755 "$work/$inner"
  # The runtime needs glibc: check before anything is replaced.
  new=$("$work/$inner" --version 2>"$work/said" </dev/null) ||
    fail "the nanoctl for $target does not run on this machine" \
      "on Linux it needs glibc, and ${TMPDIR:-/tmp} must allow programs (else name another in TMPDIR)"
}

# Puts glibc and its licences into the system, but replaces nothing.
place_libraries() {
  mkdir "$work/unpacked"
  tar -xzof "$work/$archive" -C "$work/unpacked" || fail "$archive cannot be unpacked"
  tar -tzf "$work/$archive" >"$work/members"
  placed=$work/placed
  : >"$placed"
  while read -r member; do
    case $member in
      */ | *..*) continue ;;
      lib/?* | lib64/?* | usr/lib/?* | usr/share/doc/nanoctl/?*) ;;
      *) continue ;;
    esac
    [ ! -e "$root/$member" ] || continue
    printf '%s\n' "$member" >>"$placed"
    if ! { mkdir -p "$root/${member%/*}" && cp "$work/unpacked/$member" "$root/$member"; }; then
      fail "$root/$member cannot be written"
    fi
  done <"$work/members"
}

# Undoes it, with the folders that are empty then.
remove_libraries() {
  while read -r member; do
    rm -f "$root/$member"
    folder=${member%/*}
    while rmdir "$root/$folder" 2>/dev/null && [ "$folder" != "${folder%/*}" ]; do
      folder=${folder%/*}
    done
  done <"$placed"
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
  placed=
  printf 'Installed %s\n' "$new"
  [ -z "$old" ] || printf '  instead of %s\n' "$old"
  printf '  as %s\n' "$to/nanoctl"
  [ -z "$libraries" ] || printf '  with glibc in %s\n' "${root:-/}"
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
