#!/usr/bin/env bash
# Build influxd from the Go module proxy into a cache folder and print the binary's path. Needs go (1.24 or newer), cargo, a C compiler.
# The binary is cached by version outside the tree: $CANHSONG_CACHE, default ${XDG_CACHE_HOME:-~/.cache}/canhsong.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=2.7.12
cache=${CANHSONG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/canhsong}
out="$cache/influxd-$version"
if [ -x "$out/influxd" ]; then echo "$out/influxd"; exit 0; fi
for tool in go cargo cc; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: influxd $version cannot be built (go, cargo and a C compiler are needed)" >&2; exit 1; }
done
mkdir -p "$out/bin"

# influxd's own pkg-config builds its Rust library
GOBIN="$out/bin" go install github.com/influxdata/pkg-config@v0.2.7

# newer compilers refuse what the pinned one only warned of; RUSTFLAGS does not reach the host build
cat > "$out/bin/rustc-lenient" <<'WRAPPER'
#!/usr/bin/env bash
case " $* " in *" --cap-lints "*) exec "$@" ;; esac
exec "$@" --cap-lints warn
WRAPPER
chmod +x "$out/bin/rustc-lenient"

# the module pins a toolchain that may not be installed: take the stable one that is
if command -v rustup >/dev/null; then
  RUSTUP_TOOLCHAIN=$(rustup toolchain list | sed -n 's/^\(stable[^ ]*\).*/\1/p' | head -n 1)
  export RUSTUP_TOOLCHAIN
fi
cd "$here"
export PKG_CONFIG="$out/bin/pkg-config" CGO_ENABLED=1 RUSTC_WRAPPER="$out/bin/rustc-lenient"
go build -tags sqlite_foreign_keys,sqlite_json,noasm -o "$out/influxd.new" github.com/influxdata/influxdb/v2/cmd/influxd >&2
mv "$out/influxd.new" "$out/influxd"
echo "$out/influxd"
