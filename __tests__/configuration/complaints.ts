/**
 * What is said of options when something is created with them.
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

/** Every complaint; none where it can be created. */
export function complaints(create: () => unknown): readonly string[] {
  try {
    create();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.complaints;
    throw error;
  }
}

/** Of options beside a sound authentication, right or wrong. */
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
