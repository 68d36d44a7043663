/**
 * A real OpenID provider (oidc-provider) as a team would set it up for its wallet: authorization
 * code and PKCE, `at+jwt` access tokens for the API, bound to the key of clients that prove one
 * (DPoP), refresh tokens that work once, step-up by `acr_values` and `max_age`, and back-channel
 * logout. It signs users in on pages of its own: `login-pages.ts`.
 */
import type { JWK, JWTPayload } from 'jose';
import type * as Oidc from 'oidc-provider';
import { page } from './page.js';
import { interactionPolicy, Provider } from './oidc-provider.js';
import type { AdapterFactory, ClientMetadata, Configuration } from './oidc-provider.js';

/** The two classes of authentication that it knows; it puts them into `acr`. */
export const PASSWORD_ACR = 'urn:example:pwd';
export const MFA_ACR = 'urn:example:mfa';

export interface ProviderSettings {
  readonly issuer: string;
  /** The API that access tokens are for: their `aud`. */
  readonly audience: string;
  /** Private keys; it signs with the first. */
  readonly keys: readonly JWK[];
  readonly clients: readonly ClientMetadata[];
  readonly storage: AdapterFactory;
  /** Further claims of a user's access tokens. */
  readonly claimsOf?: (accountId: string) => JWTPayload;
}

/** The address to which it sends users for the sign-in. */
export function loginPath(uid: string): string {
  return `/login/${uid}`;
}

export function createProvider(settings: ProviderSettings): Oidc.Provider {
  const { issuer, audience, keys, clients, storage } = settings;
  return new Provider(issuer, {
    adapter: storage,
    jwks: { keys: [...keys] },
    // Signs the provider's own cookies, not tokens.
    cookies: { keys: ['an example has no secrets'] },
    clients: clients.map((client) => ({
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
      ...client,
    })),
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: askForSignOut },
      resourceIndicators: accessTokensFor(audience),
    },
    acrValues: [PASSWORD_ACR, MFA_ACR],
    interactions: { policy: policyWithStepUp(), url: (_ctx, { uid }) => loginPath(uid) },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    ttl: {
      AccessToken: 900,
      Grant: 604_800,
      IdToken: 900,
      Interaction: 900,
      RefreshToken: 604_800,
      Session: 604_800,
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    loadExistingGrant,
    extraTokenClaims: claimsOfAccessToken(settings),
    clientBasedCORS: () => true,
    fetch: fetchOnThisMachine,
  });
}

/** Without it a resource's access tokens would be opaque; with it they are JWTs (RFC 9068). */
function accessTokensFor(
  audience: string,
): NonNullable<Configuration['features']>['resourceIndicators'] {
  return {
    enabled: true,
    defaultResource: () => 'https://api.example.com',
    useGrantedResource: () => true,
    getResourceServerInfo: () => ({
      scope: '',
      audience,
      accessTokenFormat: 'jwt',
      accessTokenTTL: 900,
      jwt: { sign: { alg: 'ES256' } },
    }),
  };
}

/**
 * RFC 9470 section 5: if a client asks for another class of authentication than the user's, the
 * user authenticates again. (The provider handles `max_age` by itself.)
 */
function policyWithStepUp(): Oidc.interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.get('login')?.checks.add(
    new interactionPolicy.Check('acr_values', 'another acr is wanted', ({ oidc }) => {
      const wanted = oidc.params?.acr_values;
      return typeof wanted === 'string' && !wanted.split(' ').includes(oidc.session?.acr ?? '');
    }),
  );
  return policy;
}

/** How, when and in which session the user signed in; a refresh changes none of it. */
function claimsOfAccessToken(settings: ProviderSettings): Configuration['extraTokenClaims'] {
  return ({ oidc: { entities } }, token) => {
    const { amr, acr, authTime, sid, sessionUid, accountId } =
      entities.RefreshToken ?? entities.AuthorizationCode ?? {};
    return token.kind === 'AccessToken'
      ? {
          amr,
          acr,
          auth_time: authTime,
          sid: sid ?? sessionUid,
          ...settings.claimsOf?.(accountId ?? ''),
        }
      : {};
  };
}

/** The team's own clients: users are not asked for consent. */
const loadExistingGrant: Configuration['loadExistingGrant'] = async ({ oidc }) => {
  const grant = new oidc.provider.Grant({
    clientId: oidc.client?.clientId ?? '',
    accountId: oidc.session?.accountId ?? '',
  });
  grant.addOIDCScope('openid');
  await grant.save();
  return grant;
};

/** Its own refuses to tell an API on this machine of a sign-out. */
const fetchOnThisMachine: Configuration['fetch'] = (url, init) => {
  const options: { dispatcher?: unknown } = { ...init };
  delete options.dispatcher;
  return fetch(url, options as RequestInit);
};

function askForSignOut(ctx: { body: unknown }, form: string): void {
  ctx.body = page(
    'Sign out',
    `<h1>Sign out?</h1>
<p>At the identity provider, and in every app that it has signed you in to.</p>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
  );
}
