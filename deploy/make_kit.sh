#!/bin/sh
# Makes the offline kit: deploy/make_kit.sh FOLDER. Needs the network, once; what it makes needs none.
# FOLDER gets wheels/ (both programs and what they need), debs/ (what a bare Debian 12 lacks), install.sh, station.toml, the unit and the rules.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?usage: deploy/make_kit.sh FOLDER}
python=${PYTHON:-python3}
rm -rf "$out"
mkdir -p "$out/wheels" "$out/debs"
# from a copy: a build folder left in the tree would put files of yesterday into the wheel
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
for part in pyproject.toml README.md LICENSE station dsp collector config; do cp -R "$here/$part" "$source/"; done
"$python" -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$out/wheels" "$source[station,collector]"
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$out/wheels" pip setuptools wheel
cp "$here/deploy/install.sh" "$here/deploy/station.toml" "$here/deploy/canhsong-station.service" "$here/deploy/canhsong-collector.service" "$here/deploy/60-canhsong-rtlsdr.rules" \
  "$here/deploy/canhsong-rtlsdr.conf" "$out/"
chmod +x "$out/install.sh"
# the interpreter and its venv module, with everything below them that is not in every Debian already
if command -v apt-cache >/dev/null 2>&1 && [ "${KIT_DEBS:-1}" = 1 ]; then
  needed=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances python3-venv libusb-1.0-0 |
    grep -E '^[a-z0-9]' | sort -u)
  # shellcheck disable=SC2086  # one package a word; what is required is in every Debian
  wanted=$(apt-cache show --no-all-versions $needed 2>/dev/null |
    awk '/^Package: /{package=$2} /^Priority: /{if ($2 != "required") print package}' | sort -u)
  # shellcheck disable=SC2086
  (cd "$out/debs" && apt-get download -qq $wanted) || echo "some Debian packages were not fetched: see above" >&2
fi
(cd "$out" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k2 >SHA256SUMS)
echo "$out: $(du -sh "$out" | cut -f1), $(ls "$out/wheels" | wc -l) wheels, $(ls "$out/debs" | wc -l) Debian packages"
