package plugins

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hotdrop/plugins/abi"
)

// code is one module's machine code in a runtime of its own, so that closing it frees all of it and nothing else.
type code struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache // nil if it is kept in memory only
}

// features are what the decoder accepts; the rewriter wrote nothing else.
func features() api.CoreFeatures {
	return api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion |
		api.CoreFeatureMultiValue | api.CoreFeatureBulkMemoryOperations | api.CoreFeatureReferenceTypes
}

// compile translates what the rewriter wrote, or takes the translation from the cache on disk.
func (h *Host) compile(ctx context.Context, rewritten []byte) (*code, error) {
	if h.disk == nil {
		return h.translate(ctx, rewritten, nil)
	}
	return h.disk.compile(rewritten, func(cache wazero.CompilationCache) (*code, error) {
		return h.translate(ctx, rewritten, cache)
	})
}

func (h *Host) translate(ctx context.Context, rewritten []byte, cache wazero.CompilationCache) (*code, error) {
	config := wazero.NewRuntimeConfigCompiler()
	if h.options.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	config = config.WithCoreFeatures(features()).WithDebugInfoEnabled(false)
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	c := &code{runtime: wazero.NewRuntimeWithConfig(ctx, config), cache: cache}
	compiled, err := c.runtime.CompileModule(ctx, rewritten)
	if err == nil {
		c.compiled = compiled
		err = c.provide(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return c, nil
}

// provide instantiates the host's modules that the code imports from, with the functions it imports.
func (c *code) provide(ctx context.Context) error {
	imported := map[string]bool{}
	for _, f := range c.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		imported[module+"."+name] = true
	}
	for module, functions := range map[string][]abi.Function{abi.Module: abi.Functions(), abi.ModuleWASI: abi.WASI()} {
		if err := instantiateImports(ctx, c.runtime, module, functions, imported); err != nil {
			return fmt.Errorf("instantiate the module %s: %w", module, err)
		}
	}
	return nil
}

func (c *code) close(ctx context.Context) error {
	err := c.runtime.Close(ctx) // closes the compiled module and every guest
	if c.cache != nil {
		err = errors.Join(err, c.cache.Close(ctx))
	}
	return err
}

// firstLine drops the stack trace that the runtime appends, which differs from build to build.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
