/** Size and imports of the client in a bundle. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';

it('The client is at most 5 KiB, minified and compressed, and imports nothing but the protocol', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['lib/client/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false,
  });
  expect(gzipSync(outputFiles[0]?.contents ?? '').byteLength).toBeLessThanOrEqual(5120);
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.length).toBeGreaterThan(1);
  expect(inputs.filter((input) => !/^lib\/(client\/|protocol\.ts$)/.test(input))).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([]);
});

it('The client needs no types but those of a browser', () => {
  const program = ts.createProgram(['lib/client/index.ts'], {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: [],
    module: ts.ModuleKind.NodeNext,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(messages).toEqual([]);
  const files = program.getSourceFiles().map(({ fileName }) => fileName);
  expect(files.filter((file) => file.includes('@types/node'))).toEqual([]);
});
