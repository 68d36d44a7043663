// One approval for one request. The store is memory, or Redis for `ours-approval-redis.js`.
import express from 'express';
import {
  customAuthentication,
  getSession,
  memoryStore,
  requireApproval,
  validateSession,
} from '../../dist/index.js';

export function mount(app, { issuer, audience, jwksUri }, store = memoryStore()) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication, store }));
  return {
    userIdOf: (req) => getSession(req).userId,
    routes(app) {
      const describe = (req) => ({ action: 'transfer', amount: req.body.amount, to: req.body.to });
      app.post('/transfers', express.json(), requireApproval({ describe }), (req, res) => {
        res.json({ userId: getSession(req).userId });
      });
      app.post('/approve', async (req, res) => {
        const { mfa } = getSession(req);
        await mfa.approve(req.headers['x-mfa-challenge-id'], () => ({ method: 'totp' }));
        res.json({});
      });
    },
  };
}
