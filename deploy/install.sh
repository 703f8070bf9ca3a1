#!/bin/sh
# Installs both programs from this folder, without any network: ./install.sh [PREFIX]   (default /opt/canhsong)
# As root it also installs the udev rule, the unit (not started) and the links in /usr/local/bin; otherwise only what lies below PREFIX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-/opt/canhsong}
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || { echo "the kit is damaged: copy it again" >&2; exit 1; }
python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "python3-venv is missing: run this once as root (sudo ./install.sh $prefix)" >&2; exit 1; }
  dpkg --install --skip-same-version --refuse-downgrade "$here"/debs/*.deb
fi
echo "installing into $prefix ..."
mkdir -p "$prefix"
"$python" -m venv "$prefix/venv"
"$prefix/venv/bin/python" -P -m pip install --quiet --disable-pip-version-check --no-index --find-links "$here/wheels" 'canhsong[station,collector]'
mkdir -p "$prefix/bin"
for program in canhsong-station canhsong-collector; do ln -sf "$prefix/venv/bin/$program" "$prefix/bin/$program"; done
[ -e "$prefix/station.toml" ] || cp "$here/station.toml" "$prefix/station.toml"
echo "compiling the signal processing, so that the first sweep does not wait ..."
"$prefix/venv/bin/python" -P -m station.warm_caches
if [ "$(id -u)" = 0 ] && [ "$prefix" = /opt/canhsong ]; then
  cp "$here/60-canhsong-rtlsdr.rules" /etc/udev/rules.d/
  cp "$here/canhsong-rtlsdr.conf" /etc/modprobe.d/
  mkdir -p /etc/canhsong
  [ -e /etc/canhsong/station.toml ] || cp "$here/station.toml" /etc/canhsong/station.toml
  id canhsong >/dev/null 2>&1 || useradd --system --home-dir /var/lib/canhsong --shell /usr/sbin/nologin --groups plugdev canhsong
  [ ! -d /etc/systemd/system ] || cp "$here/canhsong-station.service" "$here/canhsong-collector.service" /etc/systemd/system/
  for program in canhsong-station canhsong-collector; do ln -sf "$prefix/bin/$program" "/usr/local/bin/$program"; done
fi
echo "done. Try: $prefix/bin/canhsong-station doctor; then: $prefix/bin/canhsong-station run --kit"
