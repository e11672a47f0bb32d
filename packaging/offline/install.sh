#!/bin/sh
# Install Fieldpost from this bundle. Nothing is asked and nothing is fetched.
#
#   ./install.sh agent|collector [--key release.pub]       install, or upgrade what is installed
#   ./install.sh agent|collector --uninstall [--purge]     remove it; with --purge also state, settings and user
#
# Before anything is changed, the signature is verified by the given key (or the one given last time) and the
# checksums of all files. Run it as root.
set -eu
umask 022

say() { echo "install.sh: $*" >&2; }
die() { say "$*"; exit 1; }
usage() {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}

# --- verifying -------------------------------------------------------------------------------------------------------

signature_is_good() {
    # OpenSSL before 3.0 (Enterprise Linux 8) cannot verify Ed25519 on the command line; Python is needed anyway.
    if openssl version 2>/dev/null | grep -q '^OpenSSL [3-9]'; then
        openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null 2>&1
    else
        "$(find_python)" -I verify.py "$1" SHA256SUMS SHA256SUMS.sig
    fi
}

find_python() {
    for one in python3.13 python3.12 python3.11 python3; do
        if command -v "$one"; then return; fi
    done
    die "no Python; expected one of python3.13, python3.12, python3.11, python3"
}

verify() {
    if [ -z "$key" ] && [ -f "$kept_key" ]; then key=$kept_key; fi
    if [ -n "$key" ]; then
        [ -f "$key" ] || die "--key: $key: no such file; expected the public key of whoever made the bundle"
        [ -f SHA256SUMS.sig ] || die "the bundle is not signed, and a key was given ($key)"
        signature_is_good "$key" || die "SHA256SUMS: its signature is not by the key $key; nothing was installed"
    else
        say "no --key given: checksums are verified, the signature is not"
    fi
    sha256sum --check --quiet --strict SHA256SUMS || die "files differ from their checksums; nothing was installed"
    listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort)
    found=$(find . -type f ! -name 'SHA256SUMS*' | sed 's|^\./||' | LC_ALL=C sort)
    [ "$listed" = "$found" ] || die "there are files beside those in SHA256SUMS; expected the bundle as it was unpacked"
}

# --- laying down -----------------------------------------------------------------------------------------------------

lay_file() {
    case $1 in
        file) install -D -m "$2" "$program/tree/$3" "/$3" ;;
        link)
            mkdir -p "/$(dirname "$3")"
            ln -sfn "$2" "/$3"
            ;;
        folder) mkdir -p "/$3" ;;
        settings)
            if [ ! -e "/$3" ]; then
                install -D -m "$2" "$program/tree/$3" "/$3"
            elif ! cmp -s "$program/tree/$3" "/$3"; then
                install -m "$2" "$program/tree/$3" "/$3.new"
                say "/$3 was kept; the new defaults are in /$3.new"
            fi
            ;;
        *) die "manifest: $1: unknown; expected file, link, folder or settings" ;;
    esac
}

lay() {
    while read -r kind detail path; do
        lay_file "$kind" "$detail" "$path"
    done <"$program/manifest"
    rm -rf "$payload/wheels"
    mkdir -p "$payload/wheels"
    while read -r wheel; do
        cp "wheels/$wheel" "$payload/wheels/"
    done <"$program/wheels-$machine"
    install -m 0644 "$program/requirements-$machine.txt" "$payload/requirements.txt"
    awk '{ print $1, $3 }' "$program/manifest" >"$payload/bundle"
}

install_program() {
    machine=$(uname -m)
    [ -f "$program/wheels-$machine" ] || die "$machine: the bundle has nothing for it; expected one of$(machines)"
    if [ -e "$payload/version" ] && [ ! -e "$payload/bundle" ]; then
        die "$name is installed as a package; upgrade it by that way, or remove the package first"
    fi
    verify
    lay
    "$payload/host" prepare "$program"
    if [ -n "$key" ] && [ "$key" != "$kept_key" ]; then install -m 0644 "$key" "$kept_key"; fi
    "$payload/slot" install "$program"
    "$payload/host" begin "$program"
    say "$name $(cat "$payload/version") is installed; next: docs/install.md, \"First steps\""
}

machines() {
    for one in "$program"/wheels-*; do printf ' %s' "${one##*/wheels-}"; done
}

# --- removing --------------------------------------------------------------------------------------------------------

uninstall() {
    [ -e "$payload/bundle" ] || die "$name was not installed from a bundle"
    "$payload/host" end "$program"
    "$payload/slot" remove "$program"
    if [ "$purge" = yes ]; then "$payload/host" purge "$program"; fi
    list=$(cat "$payload/bundle")
    echo "$list" | while read -r kind path; do
        case $kind in
            file | link)
                rm -f "/$path"
                rmdir -p --ignore-fail-on-non-empty "/$(dirname "$path")" 2>/dev/null || true
                ;;
        esac
    done
    rm -rf "$payload"
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "$name is removed$([ "$purge" = yes ] || echo "; /etc/$name, /var/lib/$name and the user were kept")"
}

# --- what was asked for ----------------------------------------------------------------------------------------------

case ${1:-} in agent | collector) program=$1 ;; *) usage ;; esac
shift
key=""
action=install
purge=no
while [ $# -gt 0 ]; do
    case $1 in
        --key)
            [ $# -ge 2 ] || usage
            key=$(readlink -f "$2")
            shift
            ;;
        --uninstall) action=uninstall ;;
        --purge) purge=yes ;;
        *) usage ;;
    esac
    shift
done
name=fieldpost-$program
payload=/usr/lib/$name
kept_key=/etc/$name/release.pub
[ "$(id -u)" = 0 ] || die "expected root"
cd "$(dirname "$0")"
case $action in
    install) install_program ;;
    uninstall) uninstall ;;
esac
