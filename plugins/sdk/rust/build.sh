#!/bin/sh
# Builds a plugin written in Rust with rustc 1.63 or later, from Debian or from rustup.
#
#   build.sh                        the plugin of this folder, src/lib.rs to NAME.wasm; mechanic.yaml says its name
#   build.sh SOURCE.rs TARGET.wasm
#   build.sh --check                prints the toolchain's version, or what is missing, and exits 69
#
# A plugin that uses crates is built by cargo instead: see Cargo.toml. The same versions of rustc and lld write the same
# bytes on every machine: paths in messages are relative to the source, and the names are stripped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# A rustc is of use if it has the core library for wasm32.
compiler=
for candidate in "${RUSTC:-}" rustc /usr/bin/rustc; do
	if sysroot=$("$candidate" --print sysroot 2>/dev/null) && ls "$sysroot"/lib/rustlib/wasm32-unknown-unknown/lib/libcore-* >/dev/null 2>&1; then
		compiler=$candidate
		break
	fi
done
if [ -z "$compiler" ]; then
	echo "a plugin in Rust needs rustc for wasm32-unknown-unknown: rustup target add wasm32-unknown-unknown;" \
		"or on Debian or Ubuntu: sudo apt-get install rustc libstd-rust-dev-wasm32 lld" >&2
	exit 69
fi
# rustup's rustc brings its linker, Debian's does not.
linker=rust-lld
if ! ls "$sysroot"/lib/rustlib/*/bin/rust-lld >/dev/null 2>&1 && ! linker=$(command -v wasm-ld-14 || command -v wasm-ld); then
	echo "a plugin in Rust needs a linker; on Debian or Ubuntu: sudo apt-get install lld" >&2
	exit 69
fi
case ${1:-} in
--check)
	version=$("$compiler" --version | cut -d' ' -f2)
	if [ "$linker" = rust-lld ]; then
		echo "rustc $version"
	else
		echo "rustc $version lld $("$linker" --version | sed -n 's/.*LLD \([0-9]*\).*/\1/p')"
	fi
	exit
	;;
"") set -- "$here/src/lib.rs" "$here/$(sed -n 's/^name: *//p' "$here/mechanic.yaml").wasm" ;;
esac

folder=$(dirname "$2")
target=$(cd "$folder" && pwd)/$(basename "$2")
cd "$(dirname "$1")"
"$compiler" --target wasm32-unknown-unknown --edition 2021 --crate-type cdylib --crate-name mechanic \
	-C opt-level=3 -C lto=fat -C codegen-units=1 -C panic=abort -C strip=symbols -C linker="$linker" \
	-C target-feature=+bulk-memory -C link-arg=-zstack-size=32768 -D warnings "$(basename "$1")" -o "$target"
chmod 644 "$target"
