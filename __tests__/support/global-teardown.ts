/**
 * Runs after Jest's summary: says which programs were missing there, and how to get them.
 */
import process from 'node:process';

export default function globalTeardown(): void {
  const complaints = Object.entries(process.env).filter(([name]) =>
    name.startsWith('TESTS_WITHOUT_'),
  );
  if (complaints.length === 0) return;
  const outcome = process.env.CI === 'true' ? 'failed, because of CI=true' : 'were skipped';
  process.stderr.write(
    [`\nTests ${outcome}:`, ...complaints.map(([, complaint]) => `- ${complaint}`), ''].join('\n'),
  );
}
