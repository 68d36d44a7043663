/**
 * The contract of stores under another test runner.
 */
import { describe, it } from 'node:test';
import { memoryStore } from 'express-wallet-session';
import { describeStore } from 'express-wallet-session/testing';

describeStore('memoryStore under node:test', () => memoryStore(), { describe, it });
