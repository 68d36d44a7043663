/**
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true}
 */
import type { Config } from 'jest';
import { createDefaultEsmPreset } from 'ts-jest';

const config: Config = {
  ...createDefaultEsmPreset({ tsconfig: 'tsconfig.json' }),
  testEnvironment: 'node',
  // No test waits for the clock; a slow machine is no failure.
  testTimeout: 30_000,
  // With two cores Jest's default is one worker.
  maxWorkers: '100%',
  globalSetup: './__tests__/support/global-setup.ts',
  globalTeardown: './__tests__/support/global-teardown.ts',
  setupFilesAfterEnv: ['./__tests__/support/retries.ts'],
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  moduleNameMapper: {
    '^express-wallet-session$': '<rootDir>/lib/index.ts',
    '^express-wallet-session/opentelemetry$': '<rootDir>/lib/opentelemetry.ts',
    '^express-wallet-session/redis$': '<rootDir>/lib/store/redis.ts',
    '^express-wallet-session/(testing|client)$': '<rootDir>/lib/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageProvider: 'babel',
};
export default config;
