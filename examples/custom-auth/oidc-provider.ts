/**
 * oidc-provider without its warning on Node 20, which it no longer lists, and on which it works: the
 * tests of this example run on Node 20.
 */
const { warn } = console;
console.warn = (...lines: unknown[]) => {
  if (!String(lines[0]).includes('Unsupported runtime')) warn(...lines);
};
export const { interactionPolicy, Provider } = await import('oidc-provider');
console.warn = warn;

export type { AdapterFactory, AdapterPayload, ClientMetadata, Configuration } from 'oidc-provider';
