/**
 * The servers of one comparison, in one process, started by run.js: each an Express app on a port of
 * its own, with a session check, one route and one answer to errors. In processes of their own they
 * would differ by the luck of V8's compiler and of the memory's layout, more than by their code.
 *
 * It answers the messages of run.js: `usage` is the processor time that all threads of the process
 * have used so far, in microseconds; `profile` and `shares` begin and end a CPU profile; any other
 * name is a function that `mount()` of a server has returned.
 */
import { once } from 'node:events';
import express from 'express';
import { startProfile } from './profile.js';

process.once('message', async ({ names, settings }) => {
  const mounted = {};
  const ports = {};
  for (const name of names) {
    const { mount } = await import(`./servers/${name}.js`);
    const app = express();
    mounted[name] = await mount(app, settings);
    ports[name] = await listen(app, mounted[name]);
  }
  process.send(ports);

  let stopProfile;
  process.on('message', async ({ call, server, argument }) => {
    switch (call) {
      case 'usage': {
        // Each server pays for its own garbage, and for none of the one before it.
        globalThis.gc({ type: 'minor' });
        const { user, system } = process.cpuUsage();
        process.send(user + system);
        break;
      }
      case 'profile':
        stopProfile = await startProfile();
        process.send({});
        break;
      case 'shares':
        process.send(await stopProfile());
        break;
      default:
        mounted[server][call](argument);
        process.send({});
    }
  });
});
process.once('disconnect', () => process.exit());

async function listen(app, { userIdOf, guards = [], routes = () => {} }) {
  app.get('/me', ...guards, (req, res) => {
    res.json({ userId: userIdOf(req) });
  });
  routes(app);
  app.use((error, req, res, _next) => {
    res.status(error.status ?? 401).json({ error: 'unauthenticated' });
  });
  const listening = app.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  // Its connections wait for their next turn for longer than Node's 5 s.
  listening.keepAliveTimeout = 0;
  return listening.address().port;
}
