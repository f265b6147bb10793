#!/bin/sh
# Builds the trade-in plugin for Extism from its own source, with the flags of the SDK: build.sh (needs clang and lld 14)
set -eu
cd "$(dirname "$0")"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for source in ../../library/trade-in/trade-in.c extism.c; do
	clang --target=wasm32 -O2 -mmutable-globals -mbulk-memory -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Werror \
		-I../../sdk/c -c "$source" -o "$objects/$(basename "$source" .c).o"
done
wasm-ld --no-entry -z stack-size=8192 --stack-first --strip-all "$objects/trade-in.o" "$objects/extism.o" -o trade-in.wasm
chmod 644 trade-in.wasm
