/**
 * The complaints about options at creation.
 */
import {
  cdpAuthentication,
  ConfigurationError,
  createSessions,
  customAuthentication,
  requireMfa,
  type CdpAuthenticationOptions,
  type CustomAuthenticationOptions,
  type RequireMfaOptions,
  type SessionOptions,
} from 'express-wallet-session';

export const jwksUri = 'https://issuer.example/.well-known/jwks.json';
export const cdp = { projectId: 'project-1', jwksUri };
export const custom = { issuer: 'https://issuer.example/', audience: 'wallet-api', jwksUri };

/** All complaints; an empty array if the creation succeeds. */
export function complaints(create: () => unknown): readonly string[] {
  try {
    create();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.complaints;
    throw error;
  }
}

/** The complaints about these options with a valid authentication. */
export function complaintsAbout(options: unknown): readonly string[] {
  const authentication = cdpAuthentication(cdp);
  return complaints(() => createSessions({ authentication, ...(options as SessionOptions) }));
}

export function complaintsAboutCdp(options: unknown): readonly string[] {
  return complaintsAbout({
    authentication: cdpAuthentication(options as CdpAuthenticationOptions),
  });
}

export function complaintsAboutCustom(options: unknown): readonly string[] {
  return complaintsAbout({
    authentication: customAuthentication(options as CustomAuthenticationOptions),
  });
}

export function complaintsAboutMfa(options: unknown): readonly string[] {
  return complaints(() => requireMfa(options as RequireMfaOptions | undefined));
}
