/**
 * The server: short requests behind `validateSession()`, and a WebSocket and a feed that outlive
 * theirs and end with the session.
 */
import { createServer, type Server } from 'node:http';
import express from 'express';
import {
  createSessions,
  getSession,
  problemHandler,
  validateSession,
  type SessionStore,
} from 'express-wallet-session';
import { apiProblemHandler } from '../wallet/api-problem.js';
import { feed } from './feed.js';
import { graphql } from './graphql.js';
import type { Identity } from './identity.js';
import { serveLiveSockets } from './live-socket.js';
import { page } from './page.js';
import { Payments } from './payments.js';
import { Tickets } from './tickets.js';

/** How long one verification serves, which is longer than an access token lives. */
const MFA_WINDOW_SECONDS = 1800;

export interface RealtimeServerOptions {
  readonly identity: Identity;
  /** The clock of the identity too. */
  readonly clock: () => number;
  /** Shared by all processes. @defaultValue memory */
  readonly store?: SessionStore | undefined;
}

export function createRealtimeServer({ identity, clock, store }: RealtimeServerOptions): Server {
  const sessions = createSessions({
    authentication: identity.authentication,
    store,
    clock,
    mfa: { windowSeconds: MFA_WINDOW_SECONDS, isEnrolled: identity.isEnrolled },
  });
  const payments = new Payments(clock);
  const tickets = new Tickets(clock);

  const app = express();
  app.disable('x-powered-by');
  app.use(page());
  app.use(identity.routes(sessions));
  // Ahead of validateSession(), because an EventSource cannot send an Authorization header.
  app.get('/feed', feed({ sessions, tickets, payments }));

  app.use(validateSession(sessions), express.json({ limit: '8kb' }), (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });
  app.post('/tickets', (req, res) => {
    res.status(201).json(tickets.issue(getSession(req)));
  });
  app.post('/graphql', graphql(payments));
  app.post('/sign-out-everywhere', async (req, res) => {
    await getSession(req).signOutEverywhere();
    res.status(204).end();
  });
  app.post('/demo/deposit', (req, res) => {
    res.status(201).json(payments.deposit(getSession(req).userId, 500, 'Grace Hopper'));
  });
  app.use(problemHandler(), apiProblemHandler);

  const server = createServer(app);
  serveLiveSockets(server, { sessions, tickets, payments });
  return server;
}
