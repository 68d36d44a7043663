/**
 * The code of the documentation, wherever in it a recipe stands.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const pages = existsSync('docs') ? readdirSync('docs').filter((name) => name.endsWith('.md')) : [];
const texts = ['README.md', ...pages.map((name) => join('docs', name))].map((file) =>
  readFileSync(file, 'utf8'),
);

/** The one code block with this text in its first line. */
export function recipe(title: string): string {
  const blocks = texts.flatMap((text) =>
    [...text.matchAll(/```(?:js|cjs|ts)\n(.*?)```/gs)].map(([, code = '']) => code),
  );
  const found = blocks.filter((code) => code.split('\n', 1)[0]?.includes(title));
  const [code] = found;
  if (code === undefined || found.length > 1) {
    throw new Error(`${found.length} code blocks begin with "${title}", not one`);
  }
  return code;
}
