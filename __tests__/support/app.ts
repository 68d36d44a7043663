export * from './wallet-api.js';
export * from './wallet-client.js';
