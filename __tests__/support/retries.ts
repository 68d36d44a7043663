/**
 * With `CI=true` a failed test runs up to twice again, and its first errors are printed. Tests with
 * real servers, browsers and processes depend on real time, which a busy machine does not have; a
 * fault of the code fails three times.
 */
import process from 'node:process';
import { jest } from '@jest/globals';

if (process.env.CI === 'true') jest.retryTimes(2, { logErrorsBeforeRetry: true });
