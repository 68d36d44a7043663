/**
 * One server of the benchmark in a process of its own: `node host.js <file in servers/>`, started by
 * run.js. The app is the same for all: a session check, one route, one answer to errors.
 */
import express from 'express';
import { startProfile } from './processor-share.js';

process.once('message', async ({ server, settings }) => {
  const { mount } = await import(`./servers/${server}.js`);
  const app = express();
  const { userIdOf, guards = [], startMfa } = await mount(app, settings);
  app.get('/me', ...guards, (req, res) => {
    res.json({ userId: userIdOf(req) });
  });
  app.post('/mfa', async (req, res) => {
    await startMfa(req);
    res.json({});
  });
  app.use((error, req, res, _next) => {
    res.status(error.status ?? 401).json({ error: 'unauthenticated' });
  });
  const listening = app.listen(0, '127.0.0.1', () => {
    process.send({ port: listening.address().port });
  });
  // Its connections wait for their next turn for longer than Node's 5 s.
  listening.keepAliveTimeout = 0;

  let stopProfile;
  process.on('message', async (message) => {
    if (message === 'profile') stopProfile = await startProfile();
    process.send(message === 'profile' ? {} : await stopProfile());
  });
});
process.once('disconnect', () => process.exit());
