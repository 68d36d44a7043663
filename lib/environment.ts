/**
 * The environment variables as options. They are read once, when the middleware is created; an empty
 * variable counts as absent.
 */
import type { Authentication } from './authentication/authentication.js';
import { cdpAuthentication, type CdpAuthenticationOptions } from './authentication/cdp.js';
import { customAuthentication, type CustomAuthenticationOptions } from './authentication/custom.js';
import { jwksUriFault } from './jwks/safe-address.js';
import { suggestion } from './option-reader.js';

/** The options that the environment gives. */
export interface Environment {
  readonly authentication: Authentication | undefined;
  readonly mfaWindowSeconds: number | undefined;
}

const PREFIX = 'WALLET_SESSION_';
const NAMES = [
  'WALLET_SESSION_AUTHENTICATION',
  'WALLET_SESSION_JWKS_URI',
  'WALLET_SESSION_ISSUER',
  'WALLET_SESSION_AUDIENCE',
  'WALLET_SESSION_PROJECT_ID',
  'WALLET_SESSION_MFA_WINDOW_SECONDS',
] as const;

type Values = Readonly<Partial<Record<(typeof NAMES)[number], string>>>;

/**
 * Kubernetes injects these for each Service whose name begins with `wallet-session`, for instance
 * `WALLET_SESSION_SERVICE_HOST` and `WALLET_SESSION_PORT_80_TCP_ADDR`.
 */
const OF_KUBERNETES =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;

/** Mistakes go to `complaints`. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  complaints: string[],
  { needsAuthentication }: { readonly needsAuthentication: boolean },
): Environment {
  for (const name of Object.keys(env)) {
    const isKnown = (NAMES as readonly string[]).includes(name) || OF_KUBERNETES.test(name);
    if (name.startsWith(PREFIX) && !isKnown) {
      complaints.push(`${name}: there is no such variable.${suggestion(name, NAMES)}`);
    }
  }
  const values: Values = Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = env[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  return {
    authentication: needsAuthentication ? readAuthentication(values, complaints) : undefined,
    mfaWindowSeconds: readWindow(values.WALLET_SESSION_MFA_WINDOW_SECONDS, complaints),
  };
}

function readAuthentication(values: Values, complaints: string[]): Authentication | undefined {
  const kind = values.WALLET_SESSION_AUTHENTICATION;
  if (kind === undefined) {
    complaints.push(
      "`authentication` is missing: pass cdpAuthentication({ … }) or customAuthentication({ … }), or set WALLET_SESSION_AUTHENTICATION to 'cdp' or 'custom'.",
    );
    return undefined;
  }
  if (kind !== 'cdp' && kind !== 'custom') {
    complaints.push("WALLET_SESSION_AUTHENTICATION must be 'cdp' or 'custom'.");
    return undefined;
  }
  if (kind === 'custom' && values.WALLET_SESSION_PROJECT_ID !== undefined) {
    complaints.push(
      "WALLET_SESSION_PROJECT_ID belongs to CDP authentication; unset it, or set WALLET_SESSION_AUTHENTICATION to 'cdp'.",
    );
  }
  const needed =
    kind === 'cdp'
      ? (['WALLET_SESSION_PROJECT_ID', 'WALLET_SESSION_JWKS_URI'] as const)
      : (['WALLET_SESSION_ISSUER', 'WALLET_SESSION_AUDIENCE'] as const);
  const missing = needed.filter((name) => values[name] === undefined);
  for (const name of missing)
    complaints.push(`${name} is missing; '${kind}' authentication needs it.`);
  const audience = readAudience(values.WALLET_SESSION_AUDIENCE, complaints);
  const jwksUri = values.WALLET_SESSION_JWKS_URI;
  const fault = jwksUri === undefined ? undefined : jwksUriFault(jwksUri, false);
  if (fault !== undefined) complaints.push(`WALLET_SESSION_JWKS_URI ${fault}`);
  if (missing.length > 0 || fault !== undefined) return undefined;
  // parseAuthentication() fills in the defaults and checks the values.
  const options = {
    projectId: values.WALLET_SESSION_PROJECT_ID,
    jwksUri,
    issuer: values.WALLET_SESSION_ISSUER,
    audience,
  };
  return kind === 'cdp'
    ? cdpAuthentication(options as CdpAuthenticationOptions)
    : customAuthentication({ ...options, projectId: undefined } as CustomAuthenticationOptions);
}

function readAudience(list: string | undefined, complaints: string[]): string[] | undefined {
  if (list === undefined) return undefined;
  const audience = list.split(',').map((one) => one.trim());
  if (audience.includes('')) {
    complaints.push(
      'WALLET_SESSION_AUDIENCE must be a comma-separated list without empty entries.',
    );
  }
  return audience.filter((one) => one !== '');
}

function readWindow(value: string | undefined, complaints: string[]): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : NaN;
  if (seconds >= 1 && seconds <= 100_000_000_000) return seconds;
  complaints.push(
    'WALLET_SESSION_MFA_WINDOW_SECONDS must be a whole number of seconds, at least 1.',
  );
  return undefined;
}
