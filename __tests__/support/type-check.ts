/**
 * The compiler on a source that is no file, as if a user had written it.
 */
import { join } from 'node:path';
import ts from 'typescript';

/** The compiler options of this repository, in which the package resolves to its sources. */
export function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile('tsconfig.json', (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  return ts.parseJsonConfigFileContent(config, ts.sys, process.cwd()).options;
}

/**
 * Every error in the sources under `strict`, with the line that it is in. Each source is a module of
 * its own.
 */
export function typeErrorsIn(...sources: readonly string[]): string[] {
  const options: ts.CompilerOptions = {
    ...compilerOptions(),
    types: ['node'],
    exactOptionalPropertyTypes: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
  };
  const base = ts.createCompilerHost(options);
  const files = new Map(
    sources.map((source, index) => [join(process.cwd(), `__tests__/source-${index}.ts`), source]),
  );
  const host: ts.CompilerHost = {
    ...base,
    fileExists: (name) => files.has(name) || base.fileExists(name),
    readFile: (name) => files.get(name) ?? base.readFile(name),
    getSourceFile(name, ...rest) {
      const source = files.get(name);
      return source === undefined
        ? base.getSourceFile(name, ...rest)
        : ts.createSourceFile(name, source, ts.ScriptTarget.ES2023);
    },
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText }) => {
        const line = file?.text.slice(0, start).split('\n').length ?? 0;
        const text = file?.text.split('\n')[line - 1]?.trim() ?? '';
        return `${ts.flattenDiagnosticMessageText(messageText, '\n')} in: ${text}`;
      },
    );
  });
}
