/**
 * One server of the benchmark in a process of its own, started by run.js. The app is the same for
 * all: a session check, one route, one answer to errors.
 *
 * It answers the messages of run.js: `usage` is the processor time that all of its threads have used
 * so far, in microseconds; `profile` and `shares` begin and end a CPU profile; any other name is a
 * function that `mount()` has returned.
 */
import express from 'express';
import { startProfile } from './profile.js';

process.once('message', async ({ server, settings }) => {
  const { mount } = await import(`./servers/${server}.js`);
  const app = express();
  const mounted = await mount(app, settings);
  const { userIdOf, guards = [], routes = () => {} } = mounted;
  app.get('/me', ...guards, (req, res) => {
    res.json({ userId: userIdOf(req) });
  });
  routes(app);
  app.use((error, req, res, _next) => {
    res.status(error.status ?? 401).json({ error: 'unauthenticated' });
  });
  const listening = app.listen(0, '127.0.0.1', () => {
    process.send({ port: listening.address().port });
  });
  // Its connections wait for their next turn for longer than Node's 5 s.
  listening.keepAliveTimeout = 0;

  let stopProfile;
  process.on('message', async ({ call, argument }) => {
    switch (call) {
      case 'usage': {
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
        mounted[call](argument);
        process.send({});
    }
  });
});
process.once('disconnect', () => process.exit());
