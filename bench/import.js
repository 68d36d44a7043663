/**
 * What a cold process spends on importing: milliseconds of `import 'jose'`, and of importing this
 * package and creating the middleware. Medians of processes in turn. `node import.js`
 */
import { execFileSync } from 'node:child_process';
import { median } from './numbers.js';

const PROCESSES = 15;

const scripts = {
  jose: `await import('jose');`,
  ours: `
    const { customAuthentication, validateSession } = await import('../dist/index.js');
    const issuer = 'https://login.example.com/';
    const jwksUri = 'https://login.example.com/.well-known/jwks.json';
    validateSession({ authentication: customAuthentication({ issuer, audience: 'api', jwksUri }) });`,
};

const milliseconds = { jose: [], ours: [] };
for (let turn = 0; turn < PROCESSES; turn += 1) {
  for (const [name, script] of Object.entries(scripts)) milliseconds[name].push(cold(script));
}
const [jose, ours] = [median(milliseconds.jose), median(milliseconds.ours)];
console.log(JSON.stringify({ jose, ours, toJose: ours / jose }));

function cold(script) {
  const timed = `const start = performance.now(); ${script}
    console.log(performance.now() - start);`;
  const args = ['--input-type=module', '-e', timed];
  return Number(execFileSync(process.execPath, args, { cwd: import.meta.dirname }));
}
