#!/bin/sh
# Gets the source archive of a library that this Debian has in an older version only: from Debian's unstable release, or
# from upstream where that has moved on. Either way it is the file with this checksum, or none.
#
#   source.sh NAME VERSION SHA256 UPSTREAM FILE
#
# Runs in a container that is thrown away: Debian's unstable sources are added to what apt knows.
set -eu

name="$1" version="$2" sha256="$3" upstream="$4" file="$5"

# Prints apt's own address of Debian's archive.
archive() {
    # shellcheck disable=SC2016 # apt puts the address in its place
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian$' | head -n 1
}

# The archive as apt gets it, in this folder. Signatures are checked, dates are not: a mirror may lag behind.
of_debian() {
    echo "deb-src [check-valid-until=no] $(archive) sid main" >/etc/apt/sources.list.d/unstable.list
    apt-get -qq update && apt-get -qq source --download-only --tar-only "$name/sid" \
        && [ -f "${name}_${version}.orig.tar.gz" ] && mv "${name}_${version}.orig.tar.gz" "$file"
}

of_upstream() {
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
    python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "$upstream" "$file"
}

if ! of_debian && ! of_upstream; then
    echo "source.sh: neither Debian's unstable release nor upstream gives us $name $version." >&2
    exit 1
fi
echo "$sha256  $file" | sha256sum --check --quiet
