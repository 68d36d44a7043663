/**
 * A token of each vendor as its documentation shows it, and the recipe with settings that fit.
 */
import type { SessionOptions } from 'express-wallet-session';
import type { JWTPayload } from 'jose';
import { auth0 } from '../auth0.js';
import { cognito } from '../cognito.js';
import { entraId } from '../entra-id.js';
import { firebase } from '../firebase.js';
import { keycloak } from '../keycloak.js';
import { logto } from '../logto.js';
import { okta } from '../okta.js';
import { oryHydra } from '../ory-hydra.js';
import { zitadel } from '../zitadel.js';
import type { Header, Issuer } from './imitation.js';

export interface Sample {
  readonly title: string;
  /** The vendor's documentation of its tokens. */
  readonly see: string;
  readonly options: () => SessionOptions;
  readonly issuer: Issuer;
  readonly header?: Header;
  /** The claims of an access token after a sign-in by one factor. @param now seconds */
  readonly claims: (now: number) => JWTPayload;
  /** Further claims after MFA; undefined: no token tells of it. */
  readonly mfa?: (now: number) => JWTPayload;
}

const AUTH0 = 'https://my-domain.auth0.com/';
const COGNITO = 'https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example';
const FIREBASE = 'https://securetoken.google.com/my-project';
const KEYCLOAK = 'https://id.example/realms/my-realm';
const LOGIN = 'https://login.microsoftonline.com';
const LOGTO = 'https://my-tenant.logto.app/oidc';
const OKTA = 'https://my-domain.okta.com/oauth2/default';
const ORY = 'https://my-project.projects.oryapis.com';
const ZITADEL = 'https://my-instance.zitadel.cloud';

export const API = 'https://api.wallet.example';
export const TENANT = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';
export const TENANTS = [TENANT, 'bbbbcccc-1111-dddd-2222-eeee3333ffff'];
const CLIENT = '00001111-aaaa-2222-bbbb-3333cccc4444';
const entra = (): SessionOptions => entraId({ tenants: TENANTS, clientId: CLIENT });

export const SAMPLES = {
  auth0: {
    title: 'Auth0',
    see: 'https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles',
    options: () => auth0({ domain: 'my-domain.auth0.com', audience: API }),
    issuer: { issuer: AUTH0, jwksUri: `${AUTH0}.well-known/jwks.json` },
    claims: (now) => ({
      iss: AUTH0,
      sub: 'auth0|123456',
      aud: [API, `${AUTH0}userinfo`],
      azp: 'my_client_id',
      exp: now + 86_400,
      iat: now,
      scope: 'openid profile',
      'https://wallet.example/sid': 'session-1',
    }),
    mfa: (now) => ({ 'https://wallet.example/mfa_at': new Date((now - 10) * 1000).toISOString() }),
  },
  okta: {
    title: 'Okta',
    see: 'https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/#access-token',
    options: () => okta({ issuer: OKTA, audience: 'api://default' }),
    issuer: { issuer: OKTA, jwksUri: `${OKTA}/v1/keys` },
    header: { typ: null },
    claims: (now) => ({
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      iss: OKTA,
      aud: 'api://default',
      sub: 'alice@example.com',
      iat: now,
      exp: now + 3600,
      cid: 'nmdP1fcyvdVO11AL7ECm',
      uid: '00ujmkLgagxeRrAg20g3',
      scp: ['openid', 'transfers:write'],
      auth_time: now - 10,
    }),
    mfa: () => ({ acr: 'urn:okta:loa:2fa:any' }),
  },
  'entra-id': {
    title: 'Microsoft Entra ID, v2.0',
    see: 'https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference',
    options: entra,
    issuer: {
      issuer: `${LOGIN}/${TENANT}/v2.0`,
      jwksUri: `${LOGIN}/${TENANT}/discovery/v2.0/keys`,
    },
    claims: (now) => ({
      aud: CLIENT,
      iss: `${LOGIN}/${TENANT}/v2.0`,
      iat: now,
      nbf: now,
      exp: now + 4500,
      azp: '11112222-bbbb-3333-cccc-4444dddd5555',
      azpacr: '0',
      name: 'Alice',
      oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      preferred_username: 'alice@example.com',
      scp: 'access_as_user',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: TENANT,
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '2.0',
    }),
  },
  'entra-id-v1': {
    title: 'Microsoft Entra ID, v1.0',
    see: 'https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference',
    options: entra,
    issuer: {
      issuer: `https://sts.windows.net/${TENANT}/`,
      jwksUri: `${LOGIN}/${TENANT}/discovery/keys`,
    },
    claims: (now) => ({
      aud: `api://${CLIENT}`,
      iss: `https://sts.windows.net/${TENANT}/`,
      iat: now,
      nbf: now,
      exp: now + 4500,
      acr: '1',
      amr: ['pwd'],
      appid: '11112222-bbbb-3333-cccc-4444dddd5555',
      appidacr: '0',
      auth_time: now - 10,
      ipaddr: '203.0.113.7',
      name: 'Alice',
      oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      scp: 'user_impersonation',
      sub: 'l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA',
      tid: TENANT,
      unique_name: 'alice@example.com',
      ver: '1.0',
    }),
    mfa: () => ({ amr: ['pwd', 'mfa'] }),
  },
  firebase: {
    title: 'Firebase Authentication',
    see: 'https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library',
    options: () => firebase({ projectId: 'my-project' }),
    issuer: {
      issuer: FIREBASE,
      jwksUri:
        'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
    },
    claims: (now) => ({
      iss: FIREBASE,
      aud: 'my-project',
      auth_time: now - 10,
      user_id: 'XJ7',
      sub: 'XJ7',
      iat: now,
      exp: now + 3600,
      email: 'alice@example.com',
      email_verified: true,
      firebase: { identities: { email: ['alice@example.com'] }, sign_in_provider: 'password' },
    }),
    mfa: () => ({
      firebase: {
        identities: {},
        sign_in_provider: 'password',
        sign_in_second_factor: 'totp',
        second_factor_identifier: 'd1b8',
      },
    }),
  },
  cognito: {
    title: 'Amazon Cognito',
    see: 'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html',
    options: () => cognito({ userPoolId: 'us-west-2_example', clientId: 'my-client' }),
    issuer: { issuer: COGNITO, jwksUri: `${COGNITO}/.well-known/jwks.json` },
    header: { typ: null },
    claims: (now) => ({
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['testgroup'],
      iss: COGNITO,
      version: 2,
      client_id: 'my-client',
      origin_jti: 'origin-1',
      event_id: 'event-1',
      token_use: 'access',
      scope: 'openid email',
      auth_time: now - 10,
      exp: now + 3600,
      iat: now,
      jti: 'token-1',
      username: 'alice',
    }),
  },
  keycloak: {
    title: 'Keycloak',
    see: 'https://www.keycloak.org/docs/latest/server_admin/#_step-up-flow',
    options: () => keycloak({ realm: KEYCLOAK, audience: 'wallet-api' }),
    issuer: { issuer: KEYCLOAK, jwksUri: `${KEYCLOAK}/protocol/openid-connect/certs` },
    claims: (now) => ({
      exp: now + 300,
      iat: now,
      auth_time: now - 10,
      jti: 'd58f5dc8-fd8f-462b-8a19-716f8f83985b',
      iss: KEYCLOAK,
      aud: ['wallet-api', 'account'],
      sub: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
      typ: 'Bearer',
      azp: 'wallet-web',
      sid: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
      acr: 'silver',
      realm_access: { roles: ['offline_access'] },
      scope: 'openid email profile',
      preferred_username: 'alice',
    }),
    mfa: () => ({ acr: 'gold' }),
  },
  'ory-hydra': {
    title: 'Ory Hydra',
    see: 'https://www.ory.com/docs/oauth2-oidc/jwt-access-token',
    options: () => oryHydra({ issuer: ORY, audience: API }),
    issuer: { issuer: ORY, jwksUri: `${ORY}/.well-known/jwks.json` },
    claims: (now) => ({
      aud: [API],
      client_id: '0f2f1e2a-7f7b-4a3c-9d0a-3c1b2a1d4e5f',
      exp: now + 3600,
      ext: { sid: 'session-1', auth_time: now - 10, amr: ['pwd'] },
      iat: now,
      iss: ORY,
      jti: '9d3a4b5c-8a0e-4f0f-9c1d-2b3a4c5d6e7f',
      nbf: now,
      scp: ['openid', 'transfers:write'],
      sub: '1c9d4e2f-6a5b-4c3d-8e7f-0a1b2c3d4e5f',
      sid: 'session-1',
      auth_time: now - 10,
      amr: ['pwd'],
    }),
    mfa: () => ({ amr: ['pwd', 'otp'] }),
  },
  zitadel: {
    title: 'Zitadel',
    see: 'https://zitadel.com/docs/apis/openidoauth/claims',
    options: () =>
      zitadel({ domain: 'my-instance.zitadel.cloud', projectId: '170084658355110145' }),
    issuer: { issuer: ZITADEL, jwksUri: `${ZITADEL}/oauth/v2/keys` },
    claims: (now) => ({
      iss: ZITADEL,
      aud: ['170086824411201793@wallet', '170084658355110145'],
      azp: '170086824411201793@wallet',
      exp: now + 43_200,
      iat: now,
      jti: '218189777983803649',
      sub: '170848145649959169',
    }),
  },
  logto: {
    title: 'Logto',
    see: 'https://docs.logto.io/end-user-flows/step-up-authentication',
    options: () => logto({ endpoint: 'https://my-tenant.logto.app', audience: API }),
    issuer: { issuer: LOGTO, jwksUri: `${LOGTO}/jwks` },
    header: { alg: 'ES384', typ: 'at+jwt' },
    claims: (now) => ({
      jti: 'Sk3KQ2rUGbEbYwJrWJ0f9',
      sub: 'u8ej9mxpsjwb',
      iat: now,
      exp: now + 3600,
      scope: 'transfers:write',
      client_id: 'vt2p9y3k1q5m8n6b4c7xz',
      iss: LOGTO,
      aud: API,
      acr: 'urn:logto:acr:1fa',
      amr: ['pwd'],
      auth_time: now - 10,
    }),
    mfa: () => ({ acr: 'urn:logto:acr:mfa', amr: ['pwd', 'otp', 'mfa'] }),
  },
} as const satisfies Record<string, Sample>;
