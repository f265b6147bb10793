#!/bin/sh
# Builds one C plugin:
#
#   build.sh SOURCE.c TARGET.wasm
#
# clang 14 writes the same bytes on every machine: nothing of the path, the time or the compiler's build is in them
# (--strip-all drops the producers section and the names). Another version writes other bytes, so without clang 14
# nothing is written, with a word about it; that is a failure if HOTDROP_REQUIRE names clang.
set -eu

# tool NAME prints NAME-14, or NAME if that is version 14.
tool() {
	if command -v "$1-14"; then
		return
	fi
	case $("$1" --version 2>/dev/null) in
	*"LLD 14."* | *"clang version 14."*) command -v "$1" ;;
	*) return 1 ;;
	esac
}

if ! clang=$(tool clang) || ! linker=$(tool wasm-ld); then
	echo "NOT BUILT: a C plugin needs clang 14 and lld 14 (Debian: clang lld)" >&2
	case ",${HOTDROP_REQUIRE:-}," in *,clang,*) exit 1 ;; esac
	exit 0
fi

object=$(mktemp)
trap 'rm -f "$object"' EXIT
# Two steps, because clang that finds binaryen's wasm-opt would run it over the linked module.
"$clang" --target=wasm32 -O2 -mmutable-globals -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Werror \
	-I"$(dirname "$0")" -c "$1" -o "$object"
# The stack pointer is exported because the host resets every mutable global and can only see exported ones.
"$linker" --no-entry --export=__stack_pointer -z stack-size=8192 --stack-first --strip-all "$object" -o "$2"
chmod 644 "$2"
